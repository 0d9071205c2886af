"""Access to PostgreSQL. The extensions below are bound to an application by ``create_app``."""

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from taskapp.db.migrations import configure
from taskapp.settings import ROOT


class Base(DeclarativeBase):
    """The base class of all models. A naming convention for constraints lets migrations refer to them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)
migrate = Migrate(db=db, directory=str(ROOT / "migrations"))
migrate.configure(configure)
