"""Fatal errors of a Kafka producer, raised by librdkafka itself: it has a function for that, made for tests."""

import ctypes
from pathlib import Path

import confluent_kafka
from confluent_kafka import KafkaError, Producer


def fail_for_good(producer: Producer) -> None:
    """As if the broker had found a hole in what the idempotent producer sent (rd_kafka_test_fatal_error)."""
    [library] = (Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs").glob("librdkafka*.so*")
    handle = ctypes.c_void_p.from_address(id(producer) + object.__basicsize__)  # its first member: rd_kafka_t *
    librdkafka = ctypes.CDLL(str(library))
    librdkafka.rd_kafka_test_fatal_error.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
    assert librdkafka.rd_kafka_test_fatal_error(handle, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, b"the log went back") == 0
