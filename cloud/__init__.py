"""AWS: training on EMR, and the public data sets. Needs the extra `aws`."""
