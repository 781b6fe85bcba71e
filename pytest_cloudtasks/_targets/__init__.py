"""Where tasks go: routes and mounted applications, and the requests that they receive."""
