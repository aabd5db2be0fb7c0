// What go-oidc says to tokens, configured from the strictest to the most lenient way that users of it do.
//
// Reads {"issuer", "audience", "jwks_uri", "pem", "tokens"} and prints, for each token, what each way says: the subject
// that it believes, or the error. SSL_CERT_FILE names the authority to trust.
package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
)

type verdict struct {
	Subject string `json:"subject,omitempty"`
	Error   string `json:"error,omitempty"`
}

func main() {
	var asked struct {
		Issuer, Audience, Pem string
		JwksURI               string `json:"jwks_uri"`
		Tokens                []string
	}
	must(json.NewDecoder(os.Stdin).Decode(&asked))
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, asked.Issuer)
	must(err)
	block, _ := pem.Decode([]byte(asked.Pem))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	must(err)

	anybody := &oidc.Config{SkipClientIDCheck: true}
	signature := &oidc.Config{
		SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true,
		SupportedSigningAlgs: []string{"ES256", "RS256", "HS256", "HS384", "HS512"},
	}
	fixed := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key}}
	ways := map[string]*oidc.IDTokenVerifier{
		"strict":           provider.Verifier(&oidc.Config{ClientID: asked.Audience}),
		"any audience":     provider.Verifier(anybody),
		"signature alone":  provider.Verifier(signature),
		"key set by place": oidc.NewVerifier(asked.Issuer, oidc.NewRemoteKeySet(ctx, asked.JwksURI), signature),
		"key by hand":      oidc.NewVerifier(asked.Issuer, fixed, signature),
	}
	answer := []map[string]verdict{}
	for _, token := range asked.Tokens {
		said := map[string]verdict{}
		for way, verifier := range ways {
			if believed, err := verifier.Verify(ctx, token); err != nil {
				said[way] = verdict{Error: err.Error()}
			} else {
				said[way] = verdict{Subject: believed.Subject}
			}
		}
		answer = append(answer, said)
	}
	must(json.NewEncoder(os.Stdout).Encode(answer))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
