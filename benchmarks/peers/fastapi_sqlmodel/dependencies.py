"""What every path operation depends on: a session, and the user of the token, as FastAPI's tutorial has them."""

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
# FastAPI runs its operations in 40 threads of each worker: none has to wait for a connection.
THREADS = 40

# Where the database is, the environment says to the driver itself (PGHOST, PGDATABASE …).
engine = create_engine("postgresql+psycopg2://", pool_size=THREADS, max_overflow=0)
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")


def get_session() -> Iterator[Session]:
    """Open a session for the request, and close it afterwards."""
    with Session(engine) as session:
        yield session


async def get_current_user(token: Annotated[str, Depends(oauth2_scheme)]) -> str:
    """Return the user that the token was issued to.

    Raises:
        HTTPException: the token does not hold.
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
    """Return the user of the path, who must be the token's.

    Raises:
        HTTPException: it is somebody else's path.
    """
    if user_id != current_user:
        raise HTTPException(status_code=status.HTTP_403_FORBIDDEN, detail="Not your tasks")
    return user_id


SessionDep = Annotated[Session, Depends(get_session)]
Owner = Annotated[str, Depends(get_owner)]
