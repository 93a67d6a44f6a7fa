import com.sun.net.httpserver.{HttpExchange, HttpHandler, HttpServer}
import java.net.InetSocketAddress

object Hello {
  def main(arguments: Array[String]): Unit = {
    val port = sys.env.getOrElse("PORT", "3000").toInt
    val application = sys.env.getOrElse("VCAP_APPLICATION", "{}")
    val server = HttpServer.create(new InetSocketAddress(port), 128)
    server.createContext("/crash", new HttpHandler {
      def handle(exchange: HttpExchange): Unit = Runtime.getRuntime.halt(1)
    })
    server.createContext("/", new HttpHandler {
      def handle(exchange: HttpExchange): Unit = {
        val version = scala.util.Properties.versionNumberString
        val pid = java.lang.management.ManagementFactory.getRuntimeMXBean.getName.split("@")(0)
        val body = s"""{"application":$application,"runtime":"Scala $version","pid":$pid}""" + "\n"
        exchange.getResponseHeaders.set("Content-Type", "application/json")
        exchange.sendResponseHeaders(200, body.length)
        exchange.getResponseBody.write(body.getBytes)
        exchange.close()
      }
    })
    server.start()
    println(s"listening on port $port")
  }
}
