package hello;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.springframework.context.support.ClassPathXmlApplicationContext;

public class HelloServlet extends HttpServlet {
    private Greeting greeting;

    @Override
    public void init() {
        greeting = new ClassPathXmlApplicationContext("beans.xml").getBean(Greeting.class);
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        if (request.getRequestURI().equals("/crash")) {
            Runtime.getRuntime().halt(1);
        }
        response.setContentType("application/json");
        response.getWriter().write(greeting.about(System.getenv().getOrDefault("VCAP_APPLICATION", "{}")));
    }
}
