<%@ page contentType="application/json" trimDirectiveWhitespaces="true" %>
<% String vcap = System.getenv().getOrDefault("VCAP_APPLICATION", "{}"); %>
{"application": <%= vcap %>, "runtime": "Java <%= System.getProperty("java.version") %>, Tomcat <%= application.getServerInfo() %>",
 "pid": <%= ProcessHandle.current().pid() %>}
