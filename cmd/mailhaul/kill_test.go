package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/endpointtest/proxy"
)

var (
	kills    = flag.Int("kills", 50, "how often TestHardCase_R01_KillNine kills the program")
	killSeed = flag.Uint64("killseed", 0, "the seed of its moments; zero: another one each time")
)

// killVariant is a way in which the two sides talk, since what a kill interrupts depends on it.
type killVariant struct {
	name    string
	options dovecot.Options // of the destination
	delay   time.Duration   // on the way to the destination
	tls     bool
}

func killVariants() []killVariant {
	return []killVariant{
		{name: "groups"},
		{name: "single appends", options: dovecot.Options{Capability: "IMAP4rev1 SASL-IR ID ENABLE NAMESPACE UNSELECT UIDPLUS " +
			"LIST-EXTENDED LIST-STATUS CONDSTORE SPECIAL-USE LITERAL+"}},
		{name: "slow", delay: 10 * time.Millisecond},
		{name: "TLS", tls: true},
	}
}

// TestHardCase_R01_KillNine kills the real process at random moments, which lie anywhere in a whole run, and starts it
// again until it is done, in one migration after the other: nothing lost, nothing twice.
func TestHardCase_R01_KillNine(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-killseed %d", seed)
	variants := killVariants()
	done := make([]killed, len(variants))
	var g errgroup.Group
	for i, v := range variants {
		g.Go(func() error {
			t.Run(v.name, func(t *testing.T) {
				k := newKiller(t, v, (*kills+i)/len(variants), rand.New(rand.NewPCG(seed, uint64(i))))
				done[i] = k.all()
			})
			return nil
		})
	}
	_ = g.Wait() // they give no error; subtests fail by themselves
	var sum killed
	for _, d := range done {
		sum.add(d)
	}
	t.Logf("%d kills in %d migrations: %d before the first APPEND of the run, %d while it copied, %d with TLS", sum.kills,
		sum.migrations, sum.planning, sum.copying, sum.unseen)
	if sum.planning == 0 || sum.copying == 0 {
		t.Error("the kills were not spread over the runs")
	}
}

// killed counts.
type killed struct{ migrations, kills, planning, copying, unseen int }

func (k *killed) add(o killed) {
	k.migrations, k.kills = k.migrations+o.migrations, k.kills+o.kills
	k.planning, k.copying, k.unseen = k.planning+o.planning, k.copying+o.copying, k.unseen+o.unseen
}

// killer carries out the migrations of one variant: one source, a destination for each.
type killer struct {
	killVariant
	t        *testing.T
	old, new *dovecot.Server
	program  string
	wanted   int
	rand     *rand.Rand
	whole    time.Duration // a run without a kill
	count    killed
}

const killSource = "source@contoso.example"

func killUser(n int) string { return fmt.Sprintf("u%04d@contoso.example", n) }

func newKiller(t *testing.T, v killVariant, wanted int, r *rand.Rand) *killer {
	t.Helper()
	k := &killer{killVariant: v, t: t, program: built(t), wanted: wanted, rand: r}
	v.options.Users = map[string]string{}
	for n := range 3*wanted + 1 {
		v.options.Users[killUser(n)] = passwordOf(killUser(n), "new")
	}
	k.new = dovecot.Start(t, v.options)
	k.old = dovecot.Start(t, dovecot.Options{Users: map[string]string{killSource: passwordOf(killSource, "old")}})
	source := compare.Account{Addr: k.old.Addr(), User: killSource, Password: passwordOf(killSource, "old")}
	if err := compare.Fill(t.Context(), source, compare.Mail{Messages: 400, Big: 500_000}); err != nil {
		t.Fatal(err)
	}
	return k
}

// all measures a run that nobody kills, and then kills until it is enough.
func (k *killer) all() killed {
	m := k.migration(0)
	started := time.Now()
	m.must(0, "apply", "--auto-approve")
	k.whole = time.Since(started)
	k.judge(m)
	for n := 1; k.count.kills < k.wanted && !k.t.Failed(); n++ {
		if n > 3*k.wanted {
			k.t.Errorf("%d kills in %d migrations: the runs end before they are killed", k.count.kills, n)
			break
		}
		k.count.migrations++
		k.one(k.migration(n))
	}
	return k.count
}

func (k *killer) migration(n int) *migration {
	m := &migration{t: k.t, dir: memoryDir(k.t), program: k.program, old: k.old, new: k.new, users: []string{killUser(n)},
		source: killSource, passes: `pass "full" {}`, endpoint: `grace = "1s"`}
	old, next := k.old.Addr(), k.new.Addr()
	if k.tls {
		old, next = k.old.TLSAddr(), k.new.TLSAddr()
		m.protection = fmt.Sprintf("tls = \"implicit\"\n  ca_file = %q", m.authorities())
	}
	m.toOld, m.toNew = proxy.Start(k.t, old), proxy.Start(k.t, next)
	m.toNew.Set(proxy.Faults{Delay: k.delay})
	m.write()
	return m
}

// authorities writes the issuers of both servers into one file.
func (m *migration) authorities() string {
	m.t.Helper()
	var all []byte
	for _, s := range []*dovecot.Server{m.old, m.new} {
		octets, err := os.ReadFile(s.CAFile)
		if err != nil {
			m.t.Fatal(err)
		}
		all = append(all, octets...)
	}
	m.put("ca.pem", string(all))
	return filepath.Join(m.dir, "ca.pem")
}

// one kills and restarts until a run comes to its end. One that comes to its end at once was a whole run: how long it
// took is what a run takes now, on a machine that has other work too.
func (k *killer) one(m *migration) {
	for first := true; k.count.kills < k.wanted; first = false {
		before, started := m.toNew.Count("APPEND"), time.Now()
		if !k.kill(m, time.Duration(k.rand.Int64N(int64(k.whole)))) {
			if first {
				k.whole = time.Since(started)
			}
			break
		}
		k.count.kills++
		switch {
		case k.tls:
			k.count.unseen++
		case m.toNew.Count("APPEND") == before:
			k.count.planning++
		default:
			k.count.copying++
		}
	}
	m.must(0, "apply", "--auto-approve")
	k.judge(m)
}

// kill starts a run and kills it after a while; false says that it had ended.
func (k *killer) kill(m *migration, after time.Duration) bool {
	c := m.command("apply", "--auto-approve")
	if err := c.Start(); err != nil {
		k.t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = c.Process.Kill() }) // it may have ended
	err := c.Wait()
	timer.Stop()
	var exit *exec.ExitError
	if err == nil {
		return false
	}
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !errors.As(err, &exit) || !ok || status.Signal() != syscall.SIGKILL {
		k.t.Fatalf("a run ended with %v", err)
	}
	return true
}

// judge compares, looks whether a further run sends anything, and makes room.
func (k *killer) judge(m *migration) {
	m.same()
	m.toNew.Forget()
	m.must(0, "apply", "--auto-approve")
	if n := m.toNew.Count("APPEND"); n != 0 {
		k.t.Errorf("with everything copied %d APPENDs were sent", n)
	}
	if k.tls {
		m.same() // the proxy does not see what is sent
	}
	m.must(0, "state", "check")
	m.noCanary()
	for _, dir := range []string{m.dir, filepath.Join(k.new.Dir, "home", m.users[0])} {
		if err := os.RemoveAll(dir); err != nil {
			k.t.Error(err)
		}
	}
}
