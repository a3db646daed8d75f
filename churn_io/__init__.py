"""What the programs share when they touch the outside: Spark session, model registry, broker, command line."""
