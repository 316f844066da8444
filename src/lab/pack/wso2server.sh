#!/bin/sh
# The start script of the lab's product. It answers as the real one does, also where that helps nobody.

own=$(cd "$(dirname "$0")/.." && pwd -P) || exit 1
# A CARBON_HOME of the surroundings wins over the script's own place.
CARBON_HOME=${CARBON_HOME:-$own}

if [ -z "${JAVA_HOME-}" ]; then
    echo 'You must set the JAVA_HOME variable before running CARBON.'
    exit 1
fi
java=$JAVA_HOME/bin/java
if ! [ -x "$java" ]; then
    echo 'Error: JAVA_HOME is not defined correctly.'
    echo " CARBON cannot execute $java"
    exit 1
fi

pid=
if [ -e "$CARBON_HOME/wso2carbon.pid" ]; then
    # The file is 100 bytes long, and most of them are zero.
    pid=$(tr -dc 0-9 < "$CARBON_HOME/wso2carbon.pid")
fi

command=run
rest=
for word in "$@"; do
    case $word in
    start | stop | restart | version | run) command=$word ;;
    --start | --stop | --restart | --version) command=${word#--} ;;
    *) rest="$rest $word" ;;
    esac
done

in_background() {
    export CARBON_HOME
    # shellcheck disable=SC2086 # each of them is a word
    nohup sh "$CARBON_HOME/bin/wso2server.sh" $rest > /dev/null 2>&1 &
    exit 0
}

case $command in
start)
    if [ -n "$pid" ] && kill -0 "$pid" 2> /dev/null; then
        echo 'Process is already running'
        exit 0
    fi
    in_background
    ;;
stop)
    kill -TERM "$pid"
    exit 0
    ;;
restart)
    kill -TERM "$pid"
    while kill -0 "$pid" 2> /dev/null; do sleep 1; done
    in_background
    ;;
version)
    cat "$CARBON_HOME/bin/version.txt"
    exit 0
    ;;
esac

echo "JAVA_HOME environment variable is set to $JAVA_HOME"
echo "CARBON_HOME environment variable is set to $CARBON_HOME"
cd "$CARBON_HOME" || exit 1
rm -rf tmp/*

status=121
while [ "$status" = 121 ]; do
    # shellcheck disable=SC2086 # each of them is a word
    "$java" -Xms256m -Xmx1024m ${JAVA_OPTS-} \
        -classpath "$CARBON_HOME/bin/*:$CARBON_HOME/lib/*" \
        -Djava.io.tmpdir="$CARBON_HOME/tmp" \
        -Dwso2.server.standalone=true \
        -Dcarbon.registry.root=/ \
        -Dcarbon.home="$CARBON_HOME" \
        -Dcarbon.config.dir.path="$CARBON_HOME/repository/conf" \
        -Djava.net.preferIPv4Stack=true \
        org.wso2.carbon.bootstrap.Bootstrap $rest
    status=$?
done
exit "$status"
