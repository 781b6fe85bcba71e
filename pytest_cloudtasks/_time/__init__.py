"""The one place that reads the wall clock, holds the application's time and follows the clocks that tests bring."""
