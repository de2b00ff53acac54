package tokenserver

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// description are the authority's words for its errors, as far as tests look at them.
var description = map[string]string{
	"7000215": "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + Client + "'.",
	"7000222": "The provided client secret keys for app '" + Client + "' are expired.",
	"700027":  "The certificate with identifier used to sign the client assertion is not registered on application.",
	"700016":  "Application with identifier was not found in the directory 'Contoso'.",
	"90002":   "Tenant was not found.",
	"50126":   "Error validating credentials due to invalid username or password.",
	"7000218": "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
}

// refusal is an error answer.
type refusal struct {
	number string // of AADSTS
	word   string // of OAuth
	status int
}

func (s *Server) configuration(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if tenant != Tenant && tenant != ID {
		s.refuse(w, Settings{}, refusal{"90002", "invalid_tenant", 400})
		return
	}
	base := s.web.URL + "/" + tenant
	write(w, 200, map[string]any{
		"issuer":                        base + "/v2.0",
		"authorization_endpoint":        base + "/oauth2/v2.0/authorize",
		"token_endpoint":                base + "/oauth2/v2.0/token",
		"device_authorization_endpoint": base + "/oauth2/v2.0/devicecode",
	})
}

func (s *Server) realm(w http.ResponseWriter, _ *http.Request) {
	write(w, 200, map[string]any{"account_type": "Managed", "domain_name": "contoso.example", "cloud_instance_name": "simulated",
		"cloud_audience_urn": "urn:simulated"})
}

// Message is what a person is told of a device code.
const Message = "To sign in, use a web browser to open the page https://login.example/device and enter the code ABCD1234 to authenticate."

func (s *Server) deviceCode(w http.ResponseWriter, r *http.Request) {
	if no := s.application(r); no != nil {
		s.refuse(w, Settings{}, *no)
		return
	}
	write(w, 200, map[string]any{"user_code": "ABCD1234", "device_code": "CANARY-device-code", "expires_in": 900,
		"interval": 1, "verification_uri": "https://login.example/device", "message": Message})
}

// tokens is the token endpoint.
func (s *Server) tokens(w http.ResponseWriter, r *http.Request) {
	set := s.now()
	no := s.application(r)
	switch {
	case set.Refuse != "":
		no = &refusal{set.Refuse, cmp.Or(set.Word, "invalid_grant"), max(set.Status, 400)}
	case no != nil:
	case r.PostForm.Get("grant_type") == "client_credentials":
		no = s.client(r, set)
	default:
		no = s.person(r, set)
	}
	if no != nil {
		s.refuse(w, set, *no)
		return
	}
	s.grant(w, r, set)
}

func (s *Server) application(r *http.Request) *refusal {
	if err := r.ParseForm(); err != nil {
		return &refusal{"900144", "invalid_request", 400}
	}
	switch {
	case r.PathValue("tenant") != Tenant && r.PathValue("tenant") != ID:
		return &refusal{"90002", "invalid_request", 400}
	case r.PostForm.Get("client_id") != Client && !strings.Contains(r.PostForm.Get("client_assertion"), "."):
		return &refusal{"700016", "unauthorized_client", 400}
	}
	return nil
}

// client checks what an application proves itself with.
func (s *Server) client(r *http.Request, set Settings) *refusal {
	assertion := r.PostForm.Get("client_assertion")
	switch {
	case assertion != "" && !s.signed(assertion, set):
		return &refusal{"700027", "invalid_client", 401}
	case assertion == "" && r.PostForm.Get("client_secret") != Secret:
		return &refusal{"7000215", "invalid_client", 401}
	}
	return nil
}

// person checks what a person proves to be one with.
func (s *Server) person(r *http.Request, set Settings) *refusal {
	form := r.PostForm
	switch form.Get("grant_type") {
	case "password":
		if want, known := set.Users[form.Get("username")]; !known || want != form.Get("password") {
			return &refusal{"50126", "invalid_grant", 400}
		}
	case "device_code", "urn:ietf:params:oauth:grant-type:device_code":
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.device {
			return &refusal{"70016", "authorization_pending", 400}
		}
	case "refresh_token":
		if form.Get("refresh_token") != "CANARY-refresh-token" {
			return &refusal{"9002313", "invalid_grant", 400}
		}
	default:
		return &refusal{"70003", "unsupported_grant_type", 400}
	}
	return nil
}

func (s *Server) grant(w http.ResponseWriter, r *http.Request, set Settings) {
	life := set.Lifetime
	if life == 0 {
		life = time.Hour
	}
	own := r.PostForm.Get("grant_type") == "client_credentials"
	c := Claims{Issuer: s.web.URL + "/" + Tenant + "/v2.0", Tenant: cmp.Or(set.Tenant, Tenant), Application: Client,
		Expires: time.Now().Add(life).Unix(), Audience: cmp.Or(set.Audience, audience(r.PostForm.Get("scope")))}
	answer := map[string]any{"token_type": "Bearer", "expires_in": int(life / time.Second)}
	if own {
		if c.Roles = set.Roles; c.Roles == nil {
			c.Roles = []string{"IMAP.AccessAsApp"}
		}
	} else {
		c.Scopes, c.User = "IMAP.AccessAsUser.All", r.PostForm.Get("username")
		answer["refresh_token"], answer["scope"] = "CANARY-refresh-token", r.PostForm.Get("scope")
		answer["client_info"] = encode(map[string]string{"uid": "u", "utid": "t"})
		answer["id_token"] = "e30." + encode(map[string]string{"preferred_username": "admin", "tid": Tenant, "oid": "o"}) + ".x"
	}
	answer["access_token"] = s.Issue(c)
	write(w, 200, answer)
}

func audience(scope string) string {
	words := strings.Fields(scope)
	at := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "https://") })
	if at < 0 {
		return ""
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(words[at], "https://"), "/")
	return "https://" + host
}

func (s *Server) refuse(w http.ResponseWriter, set Settings, no refusal) {
	if set.RetryAfter != "" {
		w.Header().Set("Retry-After", set.RetryAfter)
	}
	text := fmt.Sprintf("AADSTS%s: %s\r\nTrace ID: 00000000-1111\r\nCorrelation ID: 22222222-3333\r\nTimestamp: 2026-11-01 10:00:00Z",
		no.number, cmp.Or(set.Words, description[no.number]))
	var n int
	_, _ = fmt.Sscan(no.number, &n) // numbers all
	write(w, no.status, map[string]any{"error": no.word, "error_description": text, "error_codes": []int{n},
		"timestamp": "2026-11-01 10:00:00Z", "trace_id": "00000000-1111", "correlation_id": "22222222-3333",
		"error_uri": s.web.URL + "/error?code=" + no.number})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone needs no answer
}
