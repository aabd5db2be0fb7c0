// What Nimbus says to tokens, configured from the strictest to the most lenient way that users of it do.
//
// Reads {"issuer", "audience", "jwks_uri", "pem", "tokens"} and prints, for each token, what each way says: the subject
// that it believes, or the error. SSL_CERT_FILE names the authority to trust.

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.factories.DefaultJWSVerifierFactory;
import com.nimbusds.jose.jwk.source.ImmutableJWKSet;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import com.nimbusds.jose.util.JSONArrayUtils;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.io.InputStream;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.interfaces.ECPublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

public final class Verify {
    /** Takes a token and gives its claims; or throws. */
    interface Way {
        JWTClaimsSet claims(String token) throws Exception;
    }

    private static final Set<JWSAlgorithm> EVERY = Set.of(
        JWSAlgorithm.ES256, JWSAlgorithm.RS256, JWSAlgorithm.HS256, JWSAlgorithm.HS384, JWSAlgorithm.HS512);
    private static final Set<JWSAlgorithm> OURS = Set.of(JWSAlgorithm.ES256);
    private static final JOSEObjectTypeVerifier<SecurityContext> ANY_TYPE = (type, context) -> { };

    public static void main(String[] arguments) throws Exception {
        String question = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        Map<String, Object> asked = JSONObjectUtils.parse(question);
        Map<String, Way> ways = ways(asked);
        List<Object> answer = new ArrayList<>();
        for (String token : JSONObjectUtils.getStringList(asked, "tokens")) {
            Map<String, Object> said = new LinkedHashMap<>();
            ways.forEach((name, way) -> said.put(name, verdict(way, token)));
            answer.add(said);
        }
        System.out.println(JSONArrayUtils.toJSONString(answer));
    }

    private static Map<String, Way> ways(Map<String, Object> asked) throws Exception {
        URL place = URI.create((String) asked.get("jwks_uri")).toURL();
        var retriever = new DefaultResourceRetriever(30_000, 30_000, 1 << 20, true, trusted());
        JWKSource<SecurityContext> remote = JWKSourceBuilder.create(place, retriever).build();
        JWKSource<SecurityContext> local =
            new ImmutableJWKSet<>(JWKSet.parse(retriever.retrieveResource(place).getContent()));
        var expected = new JWTClaimsSet.Builder().issuer((String) asked.get("issuer")).build();
        String audience = (String) asked.get("audience");
        // RFC 9068, section 2.2, has these claims in every access token.
        var strict = new DefaultJWTClaimsVerifier<SecurityContext>(
            audience, expected, Set.of("exp", "sub", "client_id", "iat", "jti"));
        var anybody = new DefaultJWTClaimsVerifier<SecurityContext>(expected, Set.of("sub"));
        var accessTokens = new DefaultJOSEObjectTypeVerifier<SecurityContext>(new JOSEObjectType("at+jwt"));
        ECPublicKey key = publicKey((String) asked.get("pem"));

        Map<String, Way> ways = new LinkedHashMap<>();
        ways.put("strict", processor(remote, OURS, accessTokens, strict));
        ways.put("any type", processor(remote, OURS, ANY_TYPE, strict));
        ways.put("any type and audience", processor(remote, EVERY, ANY_TYPE, anybody));
        ways.put("signature alone", processor(remote, EVERY, ANY_TYPE, null));
        ways.put("key set by hand", processor(local, EVERY, ANY_TYPE, null));
        ways.put("algorithm of the header", token ->
            processor(local, Set.of(SignedJWT.parse(token).getHeader().getAlgorithm()), ANY_TYPE, null).claims(token));
        ways.put("PEM", token -> verified(token, new ECDSAVerifier(key)));
        ways.put("PEM for the algorithm of the header", token -> {
            var header = SignedJWT.parse(token).getHeader();
            return verified(token, new DefaultJWSVerifierFactory().createJWSVerifier(header, key));
        });
        return ways;
    }

    private static Way processor(
        JWKSource<SecurityContext> keys,
        Set<JWSAlgorithm> algorithms,
        JOSEObjectTypeVerifier<SecurityContext> types,
        DefaultJWTClaimsVerifier<SecurityContext> claims
    ) {
        var processor = new DefaultJWTProcessor<SecurityContext>();
        processor.setJWSKeySelector(new JWSVerificationKeySelector<>(algorithms, keys));
        processor.setJWSTypeVerifier(types);
        processor.setJWTClaimsSetVerifier(claims);
        return token -> processor.process(token, null);
    }

    private static JWTClaimsSet verified(String token, JWSVerifier verifier) throws Exception {
        SignedJWT read = SignedJWT.parse(token);
        if (!read.verify(verifier)) {
            throw new JOSEException("the signature does not hold");
        }
        return read.getJWTClaimsSet();
    }

    private static Map<String, Object> verdict(Way way, String token) {
        try {
            return Map.of("subject", way.claims(token).getSubject());
        } catch (Exception error) {
            return Map.of("error", error.toString());
        }
    }

    private static ECPublicKey publicKey(String pem) throws Exception {
        String inner = pem.replaceAll("-----[A-Z ]+-----|\\s", "");
        var spec = new X509EncodedKeySpec(Base64.getDecoder().decode(inner));
        return (ECPublicKey) KeyFactory.getInstance("EC").generatePublic(spec);
    }

    private static SSLSocketFactory trusted() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (InputStream file = Files.newInputStream(Path.of(System.getenv("SSL_CERT_FILE")))) {
            for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
                store.setCertificateEntry("authority " + store.size(), certificate);
            }
        }
        var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context.getSocketFactory();
    }
}
