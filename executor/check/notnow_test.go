package check

import (
	"strings"
	"testing"

	"mailhaul/state/mail"
)

// TestSignInThatIsPutOff: a server that takes nobody in now is not taken for one that refuses the password, and what it says,
// which may hold what it was sent, is not repeated.
func TestSignInThatIsPutOff(t *testing.T) {
	for said, want := range map[string]mail.Code{
		"NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10), secret": mail.CodeIMAPConnections,
		"NO Too many simultaneous connections. (Failure) secret":                                                  mail.CodeIMAPConnections,
		"NO [UNAVAILABLE] Temporary authentication failure. secret":                                               mail.CodeIMAPUnavailable,
		"NO [INUSE] secret": mail.CodeIMAPUnavailable,
		"NO [AUTHENTICATIONFAILED] Authentication failed. secret": mail.CodeIMAPLogin,
		"NO LOGIN failed. secret":                                 mail.CodeIMAPLogin,
	} {
		s := newFake(t, func(command string, _ int) string {
			if strings.HasPrefix(command, "LOGIN") {
				return said
			}
			return ""
		})
		_, err := dial(t.Context(), s)
		if mail.CodeOf(err) != want || (mail.KindOf(err) == mail.Auth) != (want == mail.CodeIMAPLogin) {
			t.Errorf("%s: %v (%s)", said, err, mail.CodeOf(err))
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: a secret in %v", said, err)
		}
	}
}

// TestCrowdedServerIsAskedAgain: once others have left, the comparison goes on.
func TestCrowdedServerIsAskedAgain(t *testing.T) {
	t.Parallel()
	r := newReader(newFake(t, func(command string, time int) string {
		if strings.HasPrefix(command, "LOGIN") && time == 1 {
			return "NO [LIMIT] Maximum number of connections exceeded"
		}
		return ""
	}), digestKey{})
	defer r.close()
	if names, err := r.folders(t.Context()); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}
