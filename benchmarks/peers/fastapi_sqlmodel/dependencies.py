"""The dependencies of every path operation: a session and the user of the token, as in FastAPI's tutorial."""

import os
from collections.abc import Iterator
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException, status
from fastapi.security import OAuth2PasswordBearer
from jwt.exceptions import InvalidTokenError
from sqlmodel import Session, create_engine

ALGORITHM = "HS256"
SECRET = os.environ["JWT_SECRET"]
# FastAPI runs operations in 40 threads per worker. With as many connections, no thread waits for one.
THREADS = 40

# The driver reads the database from the environment (PGHOST, PGDATABASE …).
engine = create_engine("postgresql+psycopg2://", pool_size=THREADS, max_overflow=0)
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")


def get_session() -> Iterator[Session]:
    """Open a session for the request and close it afterwards."""
    with Session(engine) as session:
        yield session


async def get_current_user(token: Annotated[str, Depends(oauth2_scheme)]) -> str:
    """Return the user of the token.

    Raises:
        HTTPException: the token is invalid.
    """
    credentials_exception = HTTPException(
        status_code=status.HTTP_401_UNAUTHORIZED,
        detail="Could not validate credentials",
        headers={"WWW-Authenticate": "Bearer"},
    )
    try:
        payload = jwt.decode(token, SECRET, algorithms=[ALGORITHM])
    except InvalidTokenError:
        raise credentials_exception from None
    username = payload.get("sub")
    if username is None:
        raise credentials_exception
    return username


async def get_owner(user_id: str, current_user: Annotated[str, Depends(get_current_user)]) -> str:
    """Return the user in the path, who must be the user of the token.

    Raises:
        HTTPException: the path belongs to another user.
    """
    if user_id != current_user:
        raise HTTPException(status_code=status.HTTP_403_FORBIDDEN, detail="Not your tasks")
    return user_id


SessionDep = Annotated[Session, Depends(get_session)]
Owner = Annotated[str, Depends(get_owner)]
