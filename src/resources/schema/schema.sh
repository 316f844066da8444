# Functions that ask a database through the product's JDK and driver.
# The class is a file on the host for as long as it runs. It holds nothing of the request, which comes on standard input.

hactl_schema_cannot() { # CODE SENTENCE
    printf 'hactl: %s: %s\n' "$1" "$2" >&2
    exit 1
}

# Sets hactl_java to the program, and hactl_classes to a folder for the class that goes away with this subshell.
hactl_schema_begin() { # JAVA_HOME|-
    hactl_java=$1/bin/java
    [ "$1" != - ] || hactl_java=${JAVA_HOME:-/}/bin/java
    if [ "$1" = - ] && ! [ -x "$hactl_java" ]; then
        hactl_java=$(command -v java) || hactl_schema_cannot schema-no-java "there is no java on this host's PATH"
    fi
    [ -x "$hactl_java" ] || hactl_schema_cannot schema-no-java "$hactl_java is not there, or can't be run"
    trap 'rm -rf "$hactl_classes"' EXIT
    hactl_classes=
    hactl_classes=$(mktemp -d) || hactl_schema_cannot cannot-write "cannot make a folder for temporary files"
}

# Runs the class with the request on standard input, decoded from base64. Options that the environment holds for other
# Java programs are not for this one.
hactl_schema_run() { # look|make DRIVERS
    unset JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH
    "$hactl_java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -Xmx128m -cp "$hactl_classes:$2/*" Schema "$1"
}
