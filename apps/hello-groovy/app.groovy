import com.sun.net.httpserver.HttpServer

def port = (System.getenv('PORT') ?: '3000') as int
def application = System.getenv('VCAP_APPLICATION') ?: '{}'
def server = HttpServer.create(new InetSocketAddress(port), 128)
server.createContext('/crash') { exchange -> Runtime.runtime.halt(1) }
server.createContext('/') { exchange ->
    def body = """{"application":${application},"runtime":"Groovy ${GroovySystem.version}",
"pid":${new File('/proc/self').canonicalFile.name}}\n""".toString().bytes
    exchange.responseHeaders.set('Content-Type', 'application/json')
    exchange.sendResponseHeaders(200, body.length)
    exchange.responseBody.write(body)
    exchange.close()
}
server.start()
println "listening on port ${port}"
