"""The parts that all routes share: requests, responses, errors, and the OpenAPI document."""
