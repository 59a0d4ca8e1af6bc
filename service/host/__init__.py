"""All that knows BentoML or uvicorn from inside."""
