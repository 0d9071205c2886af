"""What every route shares: requests, responses, errors, and the OpenAPI document."""
