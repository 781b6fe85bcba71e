"""google-cloud-tasks 1.x: its client's surface on any installed release, and its own client if it is installed."""
