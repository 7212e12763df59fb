"""The endpoints whose paths hold the secret of a link. No log may have those paths."""

SECRET_PATHS = frozenset({"sign_in.link", "sign_in.set_password"})
