"""The emulator's page: the document and its data in `routes`, the live timeline in `events`, scripts in ``web/``."""
