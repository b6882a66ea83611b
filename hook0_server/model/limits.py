"""How much of everything is allowed in what people manage; characters, bytes, counts and seconds as the names say."""

NAME_CHARACTERS = (2, 50)
SECRET_NAME_CHARACTERS = (2, 50)  # or none at all
SUBSCRIPTION_DESCRIPTION_CHARACTERS = (0, 100)
EVENT_TYPE_DESCRIPTION_CHARACTERS = (0, 500)

PATTERNS = (1, 100)
LABELS = 10
METADATA = 50

TARGET_HEADERS = 10
HEADER_BYTES = 500

DAY_SECONDS = 86_400
DELAYS = 100
DELAY_SECONDS = (1, 7 * DAY_SECONDS)
BACKOFF_FACTOR = (1, 10)
BACKOFF_FACTOR_DEFAULT = 2.0
RETRIES = (0, 100)
MAX_AGE_SECONDS = 1  # at least; at most the retention time minus a day
JITTER_RATIO = (0, 1)
TIMEOUT_SECONDS = (1, 60)
CONCURRENCY = (1, 1000)
