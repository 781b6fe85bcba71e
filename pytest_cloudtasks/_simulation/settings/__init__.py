"""The settings of a fake: the table of options, the checks of their values, and the layers they come from."""
