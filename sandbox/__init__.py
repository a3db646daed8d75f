"""Everything a laptop needs to run the product: a real Kafka broker from its own jars, the demo."""
