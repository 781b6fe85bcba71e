"""HTTP requests to Cloud Tasks and to Google's identity endpoints, by whichever library they are made."""
