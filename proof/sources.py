"""What the proof reads, gone or not as it should be: one failure for each command, with the same words in all of them."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import redis

from proof.log import LogUnreadable
from proof.projections import TotalsUnreadable
from schemas.registry import RegistryUnavailable, SchemaNotRegistered


@contextmanager
def failing_as(failure: type[Exception]) -> Iterator[None]:
    """Raise as ``failure`` whatever keeps a source from being read."""
    try:
        yield
    except LogUnreadable as error:
        raise failure(f"the log cannot be read: {error}") from error
    except RegistryUnavailable as error:
        raise failure(f"the schema registry does not answer: {error}") from error
    except (SchemaNotRegistered, TotalsUnreadable) as error:
        raise failure(str(error)) from error
    except psycopg.Error as error:
        raise failure(f"the database cannot be read: {error}") from error
    except redis.RedisError as error:
        raise failure(f"Redis cannot be read: {error}") from error
