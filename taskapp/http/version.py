"""The version of the service, as CHANGELOG.md has it."""

VERSION = "0.1.0"
