// Java's HttpClient by the plan: java Client PLAN CA TOKEN URL...
// It asks for h2c in the requests of a plain connection, as it does by default.
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

final class Client {
  private static final Pattern LEASE = Pattern.compile("\"lease_id\":\\s*\"([^\"]+)\"");

  private static SSLContext trusting(Path ca) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509")
        .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(ca))));
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  private static BodyPublisher published(String body, boolean streamed) {
    if (body.isEmpty()) return BodyPublishers.noBody();
    if (!streamed) return BodyPublishers.ofString(body);
    return BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body.getBytes()));
  }

  private static HttpRequest request(String url, String[] step, String token) {
    HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(url))
        .header("Authorization", "Bearer " + token);
    if (!step[4].isEmpty()) builder.header("Content-Type", "application/json");
    return switch (step[1]) {
      case "GET" -> builder.GET().build();
      case "DELETE" -> builder.DELETE().build();
      default -> builder.POST(published(step[4], step[3].equals("streamed"))).build();
    };
  }

  private static void live(HttpClient client, List<String> plan, String token, String base)
      throws Exception {
    String lease = "";
    for (String line : plan) {
      String[] step = line.split("\t", -1);
      HttpResponse<String> reply = client.send(
          request(base + step[2].replace("{lease}", lease), step, token),
          BodyHandlers.ofString());
      Matcher found = LEASE.matcher(reply.body());
      if (step[0].startsWith("reserve") && found.find()) lease = found.group(1);
      System.out.println(String.join("\t", base, step[0], "" + reply.statusCode(),
          reply.version() == HttpClient.Version.HTTP_2 ? "2" : "1.1",
          reply.headers().firstValue("content-type").orElse(""), reply.body()));
    }
  }

  public static void main(String[] args) throws Exception {
    List<String> plan = Files.readAllLines(Path.of(args[0]));
    HttpClient client =
        HttpClient.newBuilder().sslContext(trusting(Path.of(args[1]))).build();
    for (String base : List.of(args).subList(3, args.length)) {
      try {
        live(client, plan, args[2], base);
      } catch (Exception e) {
        System.out.println(base + "\terror\t0\t-\t\t" + e);
      }
    }
  }
}
