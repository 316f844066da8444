#!/bin/sh
# Compiles Schema.java for the oldest Java that a product runs on, and notes the digests of source and class.
set -e
cd "${0%/*}"
javac --release 8 -Xlint:-options -g:none Schema.java
sha256sum Schema.java Schema.class > Schema.sha256
