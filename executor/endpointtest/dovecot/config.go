package dovecot

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// account is under which user the processes run.
type account struct {
	internal, login, group string
	uid, gid               int
}

// accounts are Dovecot's own where the test runs as root, and the test's own otherwise.
func (s *Server) accounts() account {
	s.t.Helper()
	if os.Getuid() == 0 {
		return account{internal: "dovecot", login: "dovenull", group: "dovecot", uid: 65534, gid: 65534}
	}
	me, err := user.Current()
	if err != nil {
		s.t.Fatal(err)
	}
	g, err := user.LookupGroupId(me.Gid)
	if err != nil {
		s.t.Fatal(err)
	}
	return account{internal: me.Username, login: me.Username, group: g.Name, uid: os.Getuid(), gid: os.Getgid()}
}

func (s *Server) conf() string { return filepath.Join(s.Dir, "dovecot.conf") }

// write writes everything but the configuration, which depends on the ports.
func (s *Server) write() {
	s.t.Helper()
	a := s.accounts()
	if err := os.Chown(filepath.Join(s.Dir, "home"), a.uid, a.gid); err != nil {
		s.t.Fatal(err)
	}
	ca, cert, key, err := certificates()
	if err != nil {
		s.t.Fatal(err)
	}
	s.CAFile = filepath.Join(s.Dir, "ca.pem")
	s.put("ca.pem", ca)
	s.put("cert.pem", cert)
	s.put("key.pem", key)
	for name, text := range s.opts.Files {
		s.put(name, []byte(s.own(text)))
	}
	s.put("masters", passwordFile(s.opts.Masters, nil))
	s.put("users", passwordFile(s.users, s.opts.UserQuota))
}

// SetPassword changes or adds a user and waits, a second at most, until sign-ins go by it.
func (s *Server) SetPassword(user, password string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[user] = password
	s.put("users", passwordFile(s.users, s.opts.UserQuota))
	// Dovecot looks at the file once a second, and at its time and size only.
	s.changes++
	stamp := time.Now().Add(time.Duration(s.changes) * time.Second)
	if err := os.Chtimes(filepath.Join(s.Dir, "users"), stamp, stamp); err != nil {
		s.t.Fatal(err)
	}
	for range 100 {
		//nolint:gosec // a test's own arguments
		if exec.Command("doveadm", "-c", s.conf(), "auth", "test", user, password).Run() == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("dovecot does not take the new password of %s", user)
}

// own fills in the server's directory.
func (s *Server) own(text string) string { return strings.ReplaceAll(text, "DIR/", s.Dir+"/") }

// put replaces a file whole, under a new inode, so that Dovecot notices at its next look.
func (s *Server) put(name string, octets []byte) {
	s.t.Helper()
	path := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // as above
		s.t.Fatal(err)
	}
	// Readable by Dovecot's own users; nothing in it is worth anything.
	if err := os.WriteFile(path+".new", octets, 0o644); err != nil { //nolint:gosec // see above
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
}

// passwordFile is in the form of passwd-file. Passwords stand in base64, since they may hold colons and blanks.
func passwordFile(users, quotas map[string]string) []byte {
	var b strings.Builder
	for _, u := range slices.Sorted(maps.Keys(users)) {
		fmt.Fprintf(&b, "%s:{PLAIN.b64}%s::::::", u, base64.StdEncoding.EncodeToString([]byte(users[u])))
		if rule := quotas[u]; rule != "" {
			b.WriteString("userdb_quota_rule=" + rule)
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// writeConfig writes the configuration for the ports chosen.
func (s *Server) writeConfig() {
	s.t.Helper()
	location, separator := s.location()
	a := s.accounts()
	r := strings.NewReplacer("DIR", s.Dir, "HOST", s.Host, "INTERNAL", a.internal, "LOGIN", a.login, "GROUP", a.group,
		"UID", strconv.Itoa(a.uid), "GID", strconv.Itoa(a.gid), "PLAINPORT", strconv.Itoa(s.Port),
		"TLSPORT", strconv.Itoa(s.TLSPort), "LOCATION", location, "SEPARATOR", separator, "PREFIX", s.opts.Prefix,
		"PLAINTEXT", yesNo(s.opts.RefusePlaintext), "FSYNC", fsync(s.opts.Fsync))
	s.put("dovecot.conf", []byte(r.Replace(template)+s.options()))
}

func (s *Server) location() (location, separator string) {
	switch s.opts.Layout {
	case "", "fs":
		return "maildir:~/Maildir:LAYOUT=fs", "/"
	case "maildir++":
		return "maildir:~/Maildir", "."
	case "sdbox":
		return "sdbox:~/sdbox", "/"
	}
	s.t.Fatalf("there is no layout %q", s.opts.Layout)
	return "", ""
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func fsync(b bool) string {
	if b {
		return "optimized"
	}
	return "never"
}

// options are the parts of the configuration that not every server has.
func (s *Server) options() string {
	var b strings.Builder
	if s.opts.Quota != "" || len(s.opts.UserQuota) > 0 {
		fmt.Fprintf(&b, "mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\n"+
			"plugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = %s\n}\n", cmp.Or(s.opts.Quota, "*:storage=0"))
	}
	if s.opts.Capability != "" {
		fmt.Fprintf(&b, "imap_capability = %s\n", s.opts.Capability)
	}
	return b.String() + s.own(s.opts.Extra) + "\n"
}

// template is the configuration. Failed sign-ins are answered at once, without the delays that slow guessing down; the
// admin's passdb goes on to the users', so that only users who exist can be opened.
const template = `base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/log
info_log_path = DIR/log
default_internal_user = INTERNAL
default_internal_group = GROUP
default_login_user = LOGIN
first_valid_uid = 1
first_valid_gid = 1
protocols = imap
listen = HOST
ssl = yes
ssl_cert = <DIR/cert.pem
ssl_key = <DIR/key.pem
disable_plaintext_auth = PLAINTEXT
auth_mechanisms = plain login
auth_failure_delay = 0
auth_master_user_separator = *
auth_username_chars =
mail_location = LOCATION
mail_fsync = FSYNC
mail_max_userip_connections = 100
mail_max_keyword_length = 200
maildir_very_dirty_syncs = no
shutdown_clients = yes
namespace inbox {
  inbox = yes
  separator = SEPARATOR
  prefix = PREFIX
  mailbox Archive {
    special_use = \Archive
  }
  mailbox Drafts {
    special_use = \Drafts
  }
  mailbox Junk {
    special_use = \Junk
  }
  mailbox Sent {
    special_use = \Sent
  }
  mailbox Trash {
    special_use = \Trash
  }
}
passdb {
  driver = passwd-file
  args = username_format=%u DIR/masters
  master = yes
  result_success = continue
}
passdb {
  driver = passwd-file
  args = username_format=%u DIR/users
}
userdb {
  driver = passwd-file
  args = username_format=%u DIR/users
  override_fields = uid=UID gid=GID home=DIR/home/%u
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = PLAINPORT
  }
  inet_listener imaps {
    port = TLSPORT
    ssl = yes
  }
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
`
