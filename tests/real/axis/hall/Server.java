package hall;

import java.net.InetAddress;
import java.net.ServerSocket;
import org.apache.axis.configuration.FileProvider;
import org.apache.axis.transport.http.SimpleAxisServer;

/** Axis's own small server, on loopback only: by itself it would listen everywhere. */
public final class Server {
    private Server() {}

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        SimpleAxisServer server = new SimpleAxisServer();
        server.setMyConfig(new FileProvider(arguments[1]));
        server.setServerSocket(new ServerSocket(port, 50, InetAddress.getByName("127.0.0.1")));
        server.run();
    }
}
