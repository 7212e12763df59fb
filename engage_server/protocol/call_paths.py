"""The addresses of the call-in (the protocol notes, section 5), and of the vendor's sample."""

CONFIG_PREFIX = "/swordfish/lock/"
CONFIG = "config"  # devices spell it in any case
DATABASE_PREFIX = "/swordfish/lock/db/"
AUDIT = "/swordfish/lock/audit"
ALERT = "/swordfish/lock/alert"
CREDENTIAL_SCAN = "/api/credentials/scan"
CREDENTIAL = "/api/credentials"
CREDENTIAL_STATUS = "/api/credentials/status"

STATIC_CERTIFICATES = "/static/Device_Certificates/"
