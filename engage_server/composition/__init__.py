"""The one place that builds the store and the services, and connects them. Services are imported when first used."""
