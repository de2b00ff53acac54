package oauth

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"mailhaul/state/mail"
)

// The ways to sign in, as verify names them.
const (
	MethodSecret      = "application with a secret"
	MethodCertificate = "application with a certificate"
	MethodDeviceCode  = "device code"
	MethodPassword    = "administrator's password (deprecated)"
)

var errWays = errors.New("exactly one way to sign in is needed")

func newFlow(o Options) (flow, error) {
	client := newHTTPClient(o.RootCAs)
	authority := strings.TrimRight(o.Authority, "/") + "/" + o.Tenant
	switch {
	case ways(o) != 1:
		return nil, errWays
	case o.Secret != "":
		cred, err := confidential.NewCredFromSecret(o.Secret)
		return &appOnly{o, authority, client, cred, MethodSecret}, unusable(err)
	case o.Certificate != nil:
		cred, err := confidential.NewCredFromCert(o.Certificate.chain, o.Certificate.key)
		return &appOnly{o, authority, client, cred, MethodCertificate}, unusable(err)
	}
	// Hosts are the administrator's choice: no list of Microsoft's has to know them, and nobody else is asked.
	app, err := public.New(o.Client, public.WithAuthority(authority), public.WithHTTPClient(client),
		public.WithInstanceDiscovery(false))
	if err != nil {
		return nil, unusable(err)
	}
	if o.DeviceCode != nil {
		return &deviceCode{opts: o, app: app}, nil
	}
	return &password{o, app}, nil
}

func ways(o Options) (n int) {
	for _, written := range []bool{o.Secret != "", o.Certificate != nil, o.DeviceCode != nil, o.Password != ""} {
		if written {
			n++
		}
	}
	return n
}

// unusable is an error of the options themselves: nobody was asked.
func unusable(err error) error {
	if err == nil {
		return nil
	}
	return &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeOAuthRefused, Err: errors.New(oneLine(err.Error()))}
}

// appOnly signs in as the application itself.
type appOnly struct {
	opts      Options
	authority string
	client    *httpClient
	cred      confidential.Credential
	name      string
}

func (f *appOnly) method() string { return f.name }

// ask uses a client of its own each time, whose cache is empty.
func (f *appOnly) ask(ctx context.Context) (grant, error) {
	app, err := confidential.New(f.authority, f.opts.Client, f.cred, confidential.WithHTTPClient(f.client),
		confidential.WithInstanceDiscovery(false))
	if err != nil {
		return grant{}, unusable(err)
	}
	r, err := app.AcquireTokenByCredential(ctx, f.opts.Scopes)
	if err != nil {
		return grant{}, explain(err, f.opts)
	}
	return newGrant(f.opts, r.AccessToken, r.ExpiresOn), nil
}

// newGrant counts the token's time by the clock of the options, where MSAL counts by the machine's.
func newGrant(o Options, token string, ends time.Time) grant {
	now := o.Now()
	return grant{token: token, issued: now, ends: now.Add(time.Until(ends))}
}

// deviceCode signs in as a person, who enters a code in a browser, once; then the refresh token does, which MSAL keeps.
type deviceCode struct {
	opts    Options
	app     public.Client
	account public.Account
}

func (f *deviceCode) method() string { return MethodDeviceCode }

func (f *deviceCode) ask(ctx context.Context) (grant, error) {
	if !f.account.IsZero() {
		r, err := f.app.AcquireTokenSilent(ctx, f.opts.Scopes, public.WithSilentAccount(f.account))
		if err == nil {
			return newGrant(f.opts, r.AccessToken, r.ExpiresOn), nil
		}
		if e := explain(err, f.opts); mail.KindOf(e) != mail.Auth {
			return grant{}, e
		}
	}
	code, err := f.app.AcquireTokenByDeviceCode(ctx, f.opts.Scopes)
	if err != nil {
		return grant{}, explain(err, f.opts)
	}
	f.opts.DeviceCode(oneLine(code.Result.Message))
	r, err := code.AuthenticationResult(ctx)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return grant{}, &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeOAuthDeviceCode,
			Err: errors.New("nobody entered the code in time")}
	}
	if err != nil {
		return grant{}, explain(err, f.opts)
	}
	f.account = r.Account
	return newGrant(f.opts, r.AccessToken, r.ExpiresOn), nil
}

// password signs in as an administrator with the own password (the "resource owner password credentials" grant).
type password struct {
	opts Options
	app  public.Client
}

func (f *password) method() string { return MethodPassword }

func (f *password) ask(ctx context.Context) (grant, error) {
	//nolint:staticcheck // deprecated by Microsoft, and the only way in for those who were told to use it; config warns
	r, err := f.app.AcquireTokenByUsernamePassword(ctx, f.opts.Scopes, f.opts.User, f.opts.Password)
	if err != nil {
		return grant{}, explain(err, f.opts)
	}
	return newGrant(f.opts, r.AccessToken, r.ExpiresOn), nil
}
