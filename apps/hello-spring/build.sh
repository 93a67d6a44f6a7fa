#!/bin/bash
# Makes the WAR, as a build server would: build.sh FILE.war
set -euo pipefail
war=$(realpath "$1")
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r WEB-INF "$work/"
mkdir -p "$work/WEB-INF/classes" "$work/WEB-INF/lib"
jars=$(ls /usr/share/java/spring3-{core,beans,context,aop,expression}.jar /usr/share/java/commons-logging.jar)
javac -nowarn -cp "$(tr '\n' ':' <<<"$jars")/usr/share/tomcat10/lib/servlet-api.jar" -d "$work/WEB-INF/classes" src/hello/*.java
cp src/beans.xml "$work/WEB-INF/classes/"
cp -L $jars "$work/WEB-INF/lib/"
(cd "$work" && rm -f "$war" && jar cf "$war" WEB-INF)
