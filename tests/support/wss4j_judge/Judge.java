// Apache WSS4J as Telekom's side: Judge KEYSTORE.p12 PASSWORD ALIAS TRUSTED.pem
// Reads commands from standard input, one a line, its parts between tabs, and answers each with one line:
//   sign IN OUT SECONDS   signs Timestamp and Body, with a BinarySecurityToken;        "ok"
//   verify IN             verifies chain, signature and Timestamp;  "ok" and what the signature covers, or "no" and why

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.apache.ws.security.WSConstants;
import org.apache.ws.security.WSDataRef;
import org.apache.ws.security.WSEncryptionPart;
import org.apache.ws.security.WSSConfig;
import org.apache.ws.security.WSSecurityEngine;
import org.apache.ws.security.WSSecurityEngineResult;
import org.apache.ws.security.components.crypto.Merlin;
import org.apache.ws.security.message.WSSecHeader;
import org.apache.ws.security.message.WSSecSignature;
import org.apache.ws.security.message.WSSecTimestamp;
import org.w3c.dom.Document;

public class Judge {
    static final String RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    static final String SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256";

    public static void main(String[] given) throws Exception {
        WSSConfig.init();
        Merlin own = new Merlin();
        own.setKeyStore(keyStore(given[0], given[1]));
        Merlin trusted = new Merlin();
        trusted.setKeyStore(trusting(given[3]));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] command = line.split("\t");
            System.out.println(answer(command, own, given, trusted).replaceAll("[\\r\\n]+", " "));
            System.out.flush();
        }
    }

    static String answer(String[] command, Merlin own, String[] given, Merlin trusted) {
        try {
            if (command[0].equals("sign")) {
                sign(Path.of(command[1]), Path.of(command[2]), Integer.parseInt(command[3]), own, given[2], given[1]);
                return "ok";
            }
            return "ok\t" + String.join(" ", verified(Path.of(command[1]), trusted));
        } catch (Exception error) {
            return "no\t" + error;
        }
    }

    static void sign(Path in, Path out, int seconds, Merlin own, String alias, String password) throws Exception {
        Document message = read(in);
        WSSecHeader header = new WSSecHeader();
        header.insertSecurityHeader(message);
        WSSecTimestamp timestamp = new WSSecTimestamp();
        timestamp.setTimeToLive(seconds);
        timestamp.build(message, header);
        WSSecSignature signature = new WSSecSignature();
        signature.setUserInfo(alias, password);
        signature.setKeyIdentifierType(WSConstants.BST_DIRECT_REFERENCE);
        signature.setSignatureAlgorithm(RSA_SHA256);
        signature.setDigestAlgo(SHA256);
        List<WSEncryptionPart> parts = new ArrayList<>();
        parts.add(new WSEncryptionPart("Timestamp", WSConstants.WSU_NS, "Element"));
        parts.add(new WSEncryptionPart("Body", WSConstants.URI_SOAP11_ENV, "Element"));
        signature.setParts(parts);
        signature.build(message, own, header);
        try (OutputStream file = Files.newOutputStream(out)) {
            TransformerFactory.newInstance().newTransformer().transform(new DOMSource(message), new StreamResult(file));
        }
    }

    static List<String> verified(Path in, Merlin trusted) throws Exception {
        List<WSSecurityEngineResult> results =
            new WSSecurityEngine().processSecurityHeader(read(in), null, null, trusted);
        List<String> covered = new ArrayList<>();
        for (WSSecurityEngineResult result : results == null ? List.<WSSecurityEngineResult>of() : results) {
            Object references = result.get(WSSecurityEngineResult.TAG_DATA_REF_URIS);
            if (references != null) {
                for (Object reference : (List<?>) references) {
                    covered.add(((WSDataRef) reference).getXpath());
                }
            }
        }
        if (covered.isEmpty()) {
            throw new IllegalStateException("nothing is signed");
        }
        return covered;
    }

    static Document read(Path path) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        try (InputStream file = Files.newInputStream(path)) {
            return factory.newDocumentBuilder().parse(file);
        }
    }

    static KeyStore keyStore(String path, String password) throws Exception {
        KeyStore found = KeyStore.getInstance("PKCS12");
        try (InputStream file = new FileInputStream(path)) {
            found.load(file, password.toCharArray());
        }
        return found;
    }

    static KeyStore trusting(String path) throws Exception {
        KeyStore made = KeyStore.getInstance("PKCS12");
        made.load(null, null);
        try (InputStream file = new FileInputStream(path)) {
            made.setCertificateEntry("trusted", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        return made;
    }
}
