// A login as Vault's method for OIDC makes it, by the library that it is built on: with a nonce, and with S256 always. It keeps the
// claims, and refreshes nothing.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/cap/oidc"
)

// How long somebody may take to log in.
const patience = 5 * time.Minute

func vault(ctx context.Context, _ *program) (*result, error) {
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	place := fmt.Sprintf("http://%s:%s/oidc/callback", *host, port)
	config, err := oidc.NewConfig(*issuer, *client, oidc.ClientSecret(*secret), []oidc.Alg{oidc.RS256}, []string{place})
	if err != nil {
		return nil, err
	}
	provider, err := oidc.NewProvider(config)
	if err != nil {
		return nil, err
	}
	defer provider.Done()
	verifier, err := oidc.NewCodeVerifier()
	if err != nil {
		return nil, err
	}
	options := []oidc.Option{oidc.WithPKCE(verifier), oidc.WithScopes(strings.Fields(*scope)...)}
	if *nonce != "" {
		options = append(options, oidc.WithNonce(*nonce))
	}
	request, err := oidc.NewRequest(patience, place, options...)
	if err != nil {
		return nil, err
	}
	open, err := provider.AuthURL(ctx, request)
	if err != nil {
		return nil, err
	}
	say(map[string]string{"open": open})
	code, err := awaitCode(listener, request.State())
	if err != nil {
		return nil, err
	}
	token, err := provider.Exchange(ctx, request, request.State(), code)
	if err != nil {
		return nil, err
	}
	said := &result{IDToken: string(token.IDToken()), Access: string(token.AccessToken())}
	if err := token.IDToken().Claims(&said.Claims); err != nil {
		return nil, err
	}
	subject, _ := said.Claims["sub"].(string)
	var user json.RawMessage
	if err := provider.UserInfo(ctx, token.StaticTokenSource(), subject, &user); err != nil {
		return nil, err
	}
	return said, json.Unmarshal(user, &said.User)
}
