/** One client of each language, written as for any network: no proxy, no address, no setting. */
export interface Client {
  readonly language: string;
  readonly what: string;
  readonly target: string;
  readonly code: { readonly path: string; readonly content: string };
  readonly stdout: string;
}

const TLS = { what: 'over TLS', target: 'api.example.com:443', stdout: 'over TLS: hello\n' };
const PLAIN = { what: 'over plain TCP', target: 'api.example.com:7', stdout: 'hello\n' };

const PYTHON = `
import socket, ssl
context = ssl.create_default_context(cafile='ca.pem')
with socket.create_connection(('api.example.com', 443)) as plain:
    with context.wrap_socket(plain, server_hostname='api.example.com') as connection:
        connection.sendall(b'hello')
        print(connection.recv(100).decode())
`;

const NODE = `
const { readFileSync } = require('node:fs');
const { connect } = require('node:tls');
const ca = readFileSync('ca.pem');
const connection = connect({ host: 'api.example.com', port: 443, ca }, () => {
  connection.write('hello');
});
connection.once('data', (bytes) => {
  console.log(bytes.toString());
  connection.end();
});
`;

const JAVA = `
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;

public class Main {
  public static void main(String[] args) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    CertificateFactory certificates = CertificateFactory.getInstance("X.509");
    store.setCertificateEntry(
        "ca", certificates.generateCertificate(new FileInputStream("ca.pem")));
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    try (SSLSocket socket =
        (SSLSocket) context.getSocketFactory().createSocket("api.example.com", 443)) {
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      socket.getOutputStream().write("hello".getBytes());
      byte[] bytes = new byte[100];
      int count = socket.getInputStream().read(bytes);
      System.out.println(new String(bytes, 0, count));
    }
  }
}
`;

/** Says hello on `connection` and prints the answer: the end of a Go program. */
const GO_TALK = `
	fmt.Fprint(connection, "hello")
	bytes := make([]byte, 100)
	count, _ := connection.Read(bytes)
	fmt.Println(string(bytes[:count]))
}
`;

/** Plain TCP: with crypto/tls its compiler takes twice as long (GO_TLS is built beforehand). */
const GO = `
package main

import (
	"fmt"
	"net"
)

func main() {
	connection, err := net.Dial("tcp", "api.example.com:7")
	if err != nil {
		panic(err)
	}${GO_TALK}`;

const BASH = `
exec 3<>/dev/tcp/api.example.com/7
echo hello >&3
head -n 1 <&3
`;

export const CLIENTS: readonly Client[] = [
  { language: 'python', ...TLS, code: { path: 'main.py', content: PYTHON } },
  { language: 'javascript', ...TLS, code: { path: 'main.js', content: NODE } },
  { language: 'java', ...TLS, code: { path: 'Main.java', content: JAVA } },
  { language: 'go', ...PLAIN, code: { path: 'main.go', content: GO } },
  { language: 'bash', ...PLAIN, code: { path: 'main.sh', content: BASH } },
];

/** Go's own TLS, which knows no C library's names: it reads /etc/hosts by itself. */
export const GO_TLS: Client = {
  ...{ language: 'bash', ...TLS },
  code: { path: 'main.sh', content: 'exec ./client' },
};

export const GO_TLS_SOURCE = `
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	authority, err := os.ReadFile("ca.pem")
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	connection, err := tls.Dial("tcp", "api.example.com:443", &tls.Config{RootCAs: roots})
	if err != nil {
		panic(err)
	}${GO_TALK}`;
