package oauth

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailhaul/executor/endpointtest/tokenserver"
	"mailhaul/state/mail"
)

// The ways in which a refusal is met.
const (
	byApp  = "the application"
	byPass = "a password"
	byCode = "a device code"
)

// refusals are the numbers that have advice, each with the way in which it is met and a text as Microsoft publishes it. Names
// and ids are made up; nobody here has a tenant that would say these words.
var refusals = []struct {
	number, way, word, text string
	want                    mail.Code
}{
	{"7000215", byApp, "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '11111111-2222-3333-4444-555555555555'.", mail.CodeOAuthSecret},
	{"70002", byApp, "invalid_client", "Error validating the credentials. The specified client_secret does not match the expected value for this client.", mail.CodeOAuthSecret},
	{"7000222", byApp, "invalid_client", "The provided client secret keys for app '11111111-2222-3333-4444-555555555555' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security.", mail.CodeOAuthSecretExpired},
	{"700027", byApp, "invalid_client", "Client assertion failed signature validation.", mail.CodeOAuthCertificate},
	{"7000229", byApp, "unauthorized_client", "The client application 11111111-2222-3333-4444-555555555555 is missing service principal in the tenant 99999999-8888-7777-6666-555555555555.", mail.CodeOAuthApplication},
	{"700016", byApp, "unauthorized_client", "Application with identifier '11111111-2222-3333-4444-555555555555' was not found in the directory 'Contoso'.", mail.CodeOAuthApplication},
	{"7000112", byApp, "unauthorized_client", "Application '11111111-2222-3333-4444-555555555555'(mailhaul) is disabled.", mail.CodeOAuthApplication},
	{"70001", byApp, "unauthorized_client", "The application is disabled.", mail.CodeOAuthApplication},
	{"90002", byApp, "invalid_request", "Tenant 'contoso.onmicrosoft.com' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", mail.CodeOAuthTenant},
	{"900023", byApp, "invalid_request", "Specified tenant identifier 'contoso' is neither a valid DNS name, nor a valid external domain.", mail.CodeOAuthTenant},
	{"900021", byApp, "invalid_request", "Requested tenant identifier '00000000-0000-0000-0000-000000000000' is not valid. Tenant identifiers may not be an empty GUID.", mail.CodeOAuthTenant},
	{"90038", byApp, "invalid_request", "The specified tenant 'contoso' belongs to the National Cloud 'China'. Current cloud instance 'Global' does not federate with China.", mail.CodeOAuthTenant},
	{"65001", byPass, "invalid_grant", "The user or administrator has not consented to use the application with ID '11111111-2222-3333-4444-555555555555' named 'mailhaul'. Send an interactive authorization request for this user and resource.", mail.CodeOAuthConsent},
	{"65004", byCode, "access_denied", "User declined to consent to access the app.", mail.CodeOAuthConsent},
	{"650052", byApp, "invalid_client", `The app needs access to a service ("Office 365 Exchange Online") that your organization "Contoso" has not subscribed to or enabled. Contact your IT Admin to review the configuration of your service subscriptions.`, mail.CodeOAuthConsent},
	{"500011", byApp, "invalid_resource", "The resource principal named https://outlook.office365.com was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.", mail.CodeOAuthConsent},
	{"650057", byCode, "invalid_resource", "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration.", mail.CodeOAuthConsent},
	{"90094", byCode, "access_denied", "Administrator consent is required.", mail.CodeOAuthConsent},
	{"50126", byPass, "invalid_grant", "Error validating credentials due to invalid username or password.", mail.CodeOAuthPassword},
	{"50034", byPass, "invalid_grant", "The user account admin does not exist in the contoso.onmicrosoft.com directory. To sign into this application, the account must be added to the directory.", mail.CodeOAuthPassword},
	{"50053", byPass, "invalid_grant", "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.", mail.CodeOAuthPassword},
	{"50055", byPass, "invalid_grant", "The password is expired.", mail.CodeOAuthPassword},
	{"50056", byPass, "invalid_grant", "Invalid or null password: password doesn't exist in the directory for this user.", mail.CodeOAuthPassword},
	{"50057", byPass, "invalid_grant", "The user account is disabled.", mail.CodeOAuthPassword},
	{"50144", byPass, "invalid_grant", "User's Active Directory password has expired.", mail.CodeOAuthPassword},
	{"50072", byPass, "interaction_required", "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '00000002-0000-0ff1-ce00-000000000000'.", mail.CodeOAuthMFA},
	{"50074", byPass, "interaction_required", "Strong authentication is required and the user did not pass the MFA challenge.", mail.CodeOAuthMFA},
	{"50076", byPass, "interaction_required", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000002-0000-0ff1-ce00-000000000000'.", mail.CodeOAuthMFA},
	{"50078", byCode, "interaction_required", "Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication to access '00000002-0000-0ff1-ce00-000000000000'.", mail.CodeOAuthMFA},
	{"50079", byPass, "interaction_required", "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication.", mail.CodeOAuthMFA},
	{"50158", byPass, "interaction_required", "External security challenge not satisfied. User will be redirected to another page or authentication provider to satisfy additional authentication challenges.", mail.CodeOAuthMFA},
	{"53004", byPass, "interaction_required", "User needs to complete the multi-factor authentication registration process before accessing this content.", mail.CodeOAuthMFA},
	{"50131", byCode, "invalid_grant", "Your device is required to be managed, or the request was blocked by a policy.", mail.CodeOAuthConditional},
	{"53000", byCode, "interaction_required", "Device is not in required device state: compliant. Conditional Access policy requires a compliant device, and the device is not compliant.", mail.CodeOAuthConditional},
	{"53001", byCode, "interaction_required", "Device is not in required device state: domain_joined. Conditional Access policy requires a domain joined device, and the device is not domain joined.", mail.CodeOAuthConditional},
	{"53002", byCode, "interaction_required", "The app used isn't an approved app for Conditional Access.", mail.CodeOAuthConditional},
	{"53003", byApp, "invalid_grant", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.", mail.CodeOAuthConditional},
	{"530003", byCode, "interaction_required", "Your device is required to be managed to access this resource.", mail.CodeOAuthConditional},
	{"7000218", byPass, "invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.", mail.CodeOAuthPublicClient},
	{"70018", byCode, "bad_verification_code", "Invalid verification code due to User typing in wrong user code for device code flow.", mail.CodeOAuthDeviceCode},
	{"70019", byCode, "expired_token", "Verification code expired.", mail.CodeOAuthDeviceCode},
	{"70020", byCode, "expired_token", "The provided value for the input parameter 'device_code' is not valid. This device code has expired.", mail.CodeOAuthDeviceCode},
	{"999999", byApp, "invalid_request", "Something that nobody has met.", mail.CodeOAuthRefused},
}

// TestHardCase_A05_OneRefusalForAll: a secret that has expired or a consent that was withdrawn hits every mailbox at once. Each refusal that has advice is met in its way, and has the code that explains it and a page that names it; no
// secret is in the error, and a thousand mailboxes that get to hear of it cost one request.
func TestHardCase_A05_OneRefusalForAll(t *testing.T) {
	tested := map[string]bool{}
	for _, tt := range refusals {
		tested[tt.number] = true
		t.Run(tt.number, func(t *testing.T) {
			t.Parallel()
			server := tokenserver.Start(t)
			server.Set(tokenserver.Settings{Refuse: tt.number, Word: tt.word, Words: tt.text})
			s := refused(t, server, tt.way)
			for range 3 {
				_, err := s.Token(t.Context())
				if mail.CodeOf(err) != tt.want || mail.KindOf(err) != mail.Auth {
					t.Errorf("%v has the code %s and the kind %v, want %s", err, mail.CodeOf(err), mail.KindOf(err), tt.want)
				}
				if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "CANARY") ||
					strings.Contains(text, "Trace ID") || !strings.Contains(text, "AADSTS"+tt.number+": "+tt.text) {
					t.Errorf("the error says %s", text)
				}
			}
			if server.Requests() != 1 {
				t.Errorf("%d requests after a refusal", server.Requests())
			}
			page, err := os.ReadFile(filepath.Join("..", "..", "cmd", "explain", string(tt.want)+".md"))
			if err != nil || tt.want != mail.CodeOAuthRefused && !regexp.MustCompile(`AADSTS`+tt.number+`\b`).Match(page) {
				t.Errorf("the page %s does not name AADSTS%s; %v", tt.want, tt.number, err)
			}
		})
	}
	for number := range causes {
		if !tested[number] {
			t.Errorf("AADSTS%s has advice and no test", number)
		}
	}
}

// refused gives a source of tokens that signs in by a way.
func refused(t *testing.T, server *tokenserver.Server, way string) *Source {
	t.Helper()
	o := Options{Authority: server.Authority(), Tenant: tokenserver.Tenant, Client: tokenserver.Client,
		Scopes: []string{"https://outlook.office365.com/.default"}, RootCAs: server.Roots()}
	switch way {
	case byApp:
		o.Secret = tokenserver.Secret
	case byPass:
		o.User, o.Password = "admin@contoso.example", "CANARY-password"
	case byCode:
		o.DeviceCode = func(string) {}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPassingTroubles: what Microsoft calls temporary is asked again, and stops nobody.
func TestPassingTroubles(t *testing.T) {
	for number, want := range map[string]mail.Kind{"90033": mail.Transient, "90006": mail.Transient, "90024": mail.Transient,
		"50033": mail.Transient, "90055": mail.Throttled, "999998": mail.Transient} {
		server := tokenserver.Start(t)
		server.Set(tokenserver.Settings{Refuse: number, Word: "temporarily_unavailable", Words: "The service is temporarily unavailable."})
		s := refused(t, server, byApp)
		for range 2 {
			if _, err := s.Token(context.Background()); mail.KindOf(err) != want {
				t.Errorf("AADSTS%s: %v is of kind %v, want %v", number, err, mail.KindOf(err), want)
			}
		}
		if server.Requests() != 2 {
			t.Errorf("AADSTS%s: asked %d times", number, server.Requests())
		}
	}
}
