#!/bin/sh
# Java 17 or 21 for Spark and the broker: found, installed (Debian, as root), or asked for.
set -eu
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if command -v "$java" >/dev/null 2>&1; then
    exit 0 # the programs check its version themselves, and say what to do
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Java is missing: installing openjdk-17-jre-headless"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends openjdk-17-jre-headless procps >/dev/null
    exit 0
fi
echo "Java is missing. Debian, Ubuntu: sudo apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17" >&2
exit 1
