import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

public class Hello {
    public static void main(String[] arguments) throws Exception {
        String port = System.getenv().getOrDefault("PORT", "3000");
        String application = System.getenv().getOrDefault("VCAP_APPLICATION", "{}");
        HttpServer server = HttpServer.create(new InetSocketAddress(Integer.parseInt(port)), 128);
        server.createContext("/crash", exchange -> Runtime.getRuntime().halt(1));
        server.createContext("/", exchange -> {
            byte[] body = ("{\"application\":" + application + ",\"runtime\":\"Java "
                    + System.getProperty("java.version") + "\",\"pid\":" + ProcessHandle.current().pid() + "}\n")
                    .getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        System.out.println("listening on port " + port);
    }
}
