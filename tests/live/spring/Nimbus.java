// A login by Nimbus' OAuth 2.0 SDK alone. It prints where the browser is to go, reads from standard input where the browser was
// sent back to, and says what it believes; then it refreshes for each line that says so. What it refuses ends it with the reason.
//
//   java Nimbus ISSUER CLIENT SECRET REDIRECT

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.RefreshTokenGrant;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.oauth2.sdk.token.RefreshToken;
import com.nimbusds.openid.connect.sdk.AuthenticationRequest;
import com.nimbusds.openid.connect.sdk.AuthenticationResponseParser;
import com.nimbusds.openid.connect.sdk.Nonce;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.UserInfoRequest;
import com.nimbusds.openid.connect.sdk.UserInfoResponse;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.token.OIDCTokens;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.Map;
import com.nimbusds.jose.util.JSONObjectUtils;

public final class Nimbus {
    private final OIDCProviderMetadata provider;
    private final ClientID client;
    private final ClientSecretBasic proof;

    private Nimbus(String issuer, String client, String secret) throws Exception {
        provider = OIDCProviderMetadata.resolve(new Issuer(issuer));
        this.client = new ClientID(client);
        proof = new ClientSecretBasic(this.client, new Secret(secret));
    }

    public static void main(String[] arguments) throws Exception {
        try {
            new Nimbus(arguments[0], arguments[1], arguments[2]).run(URI.create(arguments[3]));
        } catch (Refused refused) {
            System.err.println(refused.getMessage());
            System.exit(1);
        }
    }

    private static final class Refused extends Exception {
        Refused(String why) {
            super(why);
        }
    }

    private void run(URI redirect) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        State state = new State();
        Nonce nonce = new Nonce();
        CodeVerifier verifier = new CodeVerifier();
        var scope = new Scope("openid", "profile", "email", "groups");
        URI open = new AuthenticationRequest.Builder(new ResponseType("code"), scope, client, redirect)
            .endpointURI(provider.getAuthorizationEndpointURI())
            .state(state).nonce(nonce).codeChallenge(verifier, CodeChallengeMethod.S256).build().toURI();
        say(Map.of("open", open.toString()));

        var response = AuthenticationResponseParser.parse(URI.create(input.readLine()));
        if (!response.indicatesSuccess()) {
            throw new Refused(response.toErrorResponse().getErrorObject().toString());
        }
        if (!state.equals(response.getState())) {
            throw new Refused("another state than was sent");
        }
        if (!provider.getIssuer().equals(response.getIssuer())) {
            throw new Refused("another issuer than was asked");
        }
        var code = response.toSuccessResponse().getAuthorizationCode();
        RefreshToken refresh = tell(new AuthorizationCodeGrant(code, redirect, verifier), nonce, null);
        while (input.readLine() != null) {
            refresh = tell(new RefreshTokenGrant(refresh), null, refresh);
        }
    }

    // Redeems it, and says what it believes; the refresh token that counts from now on.
    private RefreshToken tell(AuthorizationGrant grant, Nonce nonce, RefreshToken before) throws Exception {
        var request = new TokenRequest.Builder(provider.getTokenEndpointURI(), proof, grant).build();
        var answer = OIDCTokenResponseParser.parse(request.toHTTPRequest().send());
        if (!answer.indicatesSuccess()) {
            throw new Refused(answer.toErrorResponse().getErrorObject().toString());
        }
        OIDCTokens tokens = ((com.nimbusds.openid.connect.sdk.OIDCTokenResponse) answer.toSuccessResponse()).getOIDCTokens();
        var keys = provider.getJWKSetURI().toURL();
        var validator = new IDTokenValidator(provider.getIssuer(), client, JWSAlgorithm.RS256, keys);
        Map<String, Object> claims;
        try {
            claims = validator.validate(tokens.getIDToken(), nonce).toJSONObject();
        } catch (com.nimbusds.jose.proc.BadJOSEException error) {
            throw new Refused(error.getMessage());
        }
        var asked = new UserInfoRequest(provider.getUserInfoEndpointURI(), tokens.getAccessToken());
        var user = UserInfoResponse.parse(asked.toHTTPRequest().send()).toSuccessResponse().getUserInfo();
        say(Map.of("claims", claims, "user", user.toJSONObject()));
        return tokens.getRefreshToken() == null ? before : tokens.getRefreshToken();
    }

    private static void say(Map<String, Object> what) {
        System.out.println(JSONObjectUtils.toJSONString(what));
    }
}
