// A program on go-oidc that logs somebody in as kubelogin does: by a browser, with a code that comes to a port of this
// machine and S256 where the issuer knows it; by a code that is typed elsewhere; and by a refresh token, whose answer must
// hold an ID token. It prints a line of JSON at each step. SSL_CERT_FILE names the authority to trust.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

var (
	issuer = flag.String("issuer", "", "the URL of the issuer")
	client = flag.String("client", "", "the client's id")
	secret = flag.String("secret", "", "its secret, if it has one")
	listen = flag.String("listen", "127.0.0.1:0", "where the browser brings the code")
	host   = flag.String("host", "localhost", "what the redirect calls this machine")
	nonce  = flag.String("nonce", "", "the nonce that the ID token should have, in the place of the one that was sent")
	scope  = flag.String("scope", "openid profile email groups", "what is asked for")
)

// What is said of tokens that were believed.
type result struct {
	IDToken string         `json:"id_token"`
	Refresh string         `json:"refresh_token"`
	Access  string         `json:"access_token"`
	Claims  map[string]any `json:"claims"`
	User    map[string]any `json:"user"`
}

type program struct {
	provider *oidc.Provider
	config   oauth2.Config
	s256     bool
}

func main() {
	flag.Parse()
	steps := map[string]func(context.Context, *program) (*result, error){
		"browser": browser, "device": device, "refresh": refresh, "vault": vault,
	}
	step, is := steps[flag.Arg(0)]
	if !is {
		fail(errors.New("say browser, device, refresh or vault"))
	}
	ctx := context.Background()
	program, err := find(ctx)
	if err != nil {
		fail(err)
	}
	said, err := step(ctx, program)
	if err != nil {
		fail(err)
	}
	say(said)
}

// Looks for the issuer's document.
func find(ctx context.Context) (*program, error) {
	provider, err := oidc.NewProvider(ctx, *issuer)
	if err != nil {
		return nil, err
	}
	var says struct {
		Methods []string `json:"code_challenge_methods_supported"`
	}
	if err := provider.Claims(&says); err != nil {
		return nil, err
	}
	config := oauth2.Config{
		ClientID: *client, ClientSecret: *secret, Endpoint: provider.Endpoint(), Scopes: strings.Fields(*scope),
	}
	if *secret == "" {
		config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &program{provider, config, slices.Contains(says.Methods, "S256")}, nil
}

func browser(ctx context.Context, program *program) (*result, error) {
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	program.config.RedirectURL = fmt.Sprintf("http://%s:%s", *host, port)
	state, sent, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	asked := []oauth2.AuthCodeOption{oidc.Nonce(sent)}
	shown := []oauth2.AuthCodeOption{}
	if program.s256 {
		asked = append(asked, oauth2.S256ChallengeOption(verifier))
		shown = append(shown, oauth2.VerifierOption(verifier))
	}
	say(map[string]string{"open": program.config.AuthCodeURL(state, asked...)})
	code, err := awaitCode(listener, state)
	if err != nil {
		return nil, err
	}
	token, err := program.config.Exchange(ctx, code, shown...)
	if err != nil {
		return nil, err
	}
	if *nonce != "" {
		sent = *nonce
	}
	return believe(ctx, program, token, sent)
}

// Waits for the browser, and sends it a page to end at.
func awaitCode(listener net.Listener, state string) (string, error) {
	type answer struct {
		code string
		err  error
	}
	answers := make(chan answer, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(page http.ResponseWriter, request *http.Request) {
		query := request.URL.Query()
		var err error
		switch {
		case query.Get("error") != "":
			err = fmt.Errorf("%s: %s", query.Get("error"), query.Get("error_description"))
		case query.Get("state") != state:
			err = errors.New("another state than was sent")
		case query.Get("iss") != *issuer:
			err = errors.New("another issuer than was asked")
		}
		io.WriteString(page, "You can close this page.")
		select {
		case answers <- answer{query.Get("code"), err}:
		default:
		}
	})}
	go server.Serve(listener)
	got := <-answers
	return got.code, errors.Join(got.err, server.Shutdown(context.Background()))
}

func device(ctx context.Context, program *program) (*result, error) {
	asked, err := program.config.DeviceAuth(ctx)
	if err != nil {
		return nil, err
	}
	say(asked)
	token, err := program.config.DeviceAccessToken(ctx, asked)
	if err != nil {
		return nil, err
	}
	return believe(ctx, program, token, "")
}

// The refresh token stands on standard input.
func refresh(ctx context.Context, program *program) (*result, error) {
	line, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, err
	}
	held := &oauth2.Token{RefreshToken: strings.TrimSpace(string(line))}
	token, err := program.config.TokenSource(ctx, held).Token()
	if err != nil {
		return nil, err
	}
	return believe(ctx, program, token, "")
}

// Verifies the ID token, and asks UserInfo who it is.
func believe(ctx context.Context, program *program, token *oauth2.Token, nonce string) (*result, error) {
	raw, is := token.Extra("id_token").(string)
	if !is {
		return nil, errors.New("the answer holds no ID token")
	}
	verified, err := program.provider.Verifier(&oidc.Config{ClientID: *client}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if verified.Nonce != nonce {
		return nil, errors.New("the ID token has another nonce than was sent")
	}
	if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
		return nil, err
	}
	said := &result{IDToken: raw, Refresh: token.RefreshToken, Access: token.AccessToken}
	if err := verified.Claims(&said.Claims); err != nil {
		return nil, err
	}
	user, err := program.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	return said, user.Claims(&said.User)
}

func say(what any) {
	if err := json.NewEncoder(os.Stdout).Encode(what); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
