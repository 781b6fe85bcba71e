"""HTTP requests to Cloud Tasks and to Google's identity services, from any library."""
