package hello;

/** A bean that Spring makes and fills in. */
public class Greeting {
    private String words;

    public void setWords(String words) {
        this.words = words;
    }

    public String about(String application) {
        return "{\"application\":" + application + ",\"runtime\":\"Java " + System.getProperty("java.version") + ", "
                + words + " " + org.springframework.core.SpringVersion.getVersion() + "\",\"pid\":"
                + ProcessHandle.current().pid() + "}\n";
    }
}
