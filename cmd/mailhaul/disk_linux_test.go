package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// smallDisk mounts a file system in memory for the state file, with room for so many octets.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	if errors.Is(err, fs.ErrPermission) && os.Getenv("CI") != "true" {
		t.Skip("only root can mount a small file system")
	}
	if err != nil {
		t.Fatalf("mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func grow(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64M"); err != nil {
		t.Fatalf("grow the small file system: %v", err)
	}
}

// TestHardCase_R04_R14_FullDisk fills the disk beneath the state file: on disks of growing sizes, so that it is full
// when the file is made, while listing, at several moments of the copy, until one is large enough; and for the file
// that holds a large message on its way. Nothing is sent that is not intended on the disk, the error says what is the
// matter, and with room again everything is there once.
func TestHardCase_R04_R14_FullDisk(t *testing.T) {
	t.Parallel()
	p := newPair(t, 20, dovecot.Options{})
	middle := 0
	for size, fits := 8<<10, false; !fits && !t.Failed(); size = max(216<<10, size*3/2) {
		t.Run(fmt.Sprintf("%d kB", size>>10), func(t *testing.T) {
			var sent int
			if sent, fits = p.full(t, size, 0); sent > 0 && !fits {
				middle++
			}
		})
	}
	if middle < 2 {
		t.Errorf("%d disks were full in the middle of the copy", middle)
	}
	t.Run("spool", func(t *testing.T) {
		if _, fits := p.full(t, 4<<20, 12_000_000); fits {
			t.Error("the large message did not fill the disk")
		}
	})
}

// full copies with a state file on a small disk and, where that was too small, goes on with more room. It tells how many
// messages had been sent by then, and whether everything went well at once.
func (p *pair) full(t *testing.T, size, big int) (sent int, fits bool) {
	m := p.migration(t)
	m.fill(120, big)
	disk := smallDisk(t, size)
	file := filepath.Join(disk, "mailhaul.state")
	m.env = []string{"MAILHAUL_STATE=" + file}
	r := m.run("apply", "--auto-approve")
	switch {
	case r.code == 0:
		m.same()
		return 0, true
	case r.code != 5 || !strings.Contains(r.stderr, "STATE-WRITE"), !diskFull.MatchString(r.stderr):
		t.Errorf("exit code %d, and the error does not say what is the matter:\n%s", r.code, r.stderr)
	}
	grow(t, disk)
	sent = m.onlyIntended(file)
	t.Logf("%d messages had been sent", sent)
	m.finishes()
	return sent, false
}

var diskFull = regexp.MustCompile("disk is full|no space left")

// onlyIntended counts the messages at the destination, and holds that there are no more of them than attempts in the
// state file (I1).
func (m *migration) onlyIntended(file string) int {
	m.t.Helper()
	intended := m.attempts(file)
	there, err := compare.Read(m.t.Context(), m.account(m.new, m.users[0], "new"))
	if err != nil {
		m.t.Fatal(err)
	}
	sent := 0
	for folder, items := range there {
		if sent += len(items); len(items) > intended[folder] {
			m.t.Errorf("%s: %d messages arrived, %d were intended", folder, len(items), intended[folder])
		}
	}
	return sent
}

// attempts counts the messages of each folder that the state file has an attempt of.
func (m *migration) attempts(file string) map[string]int {
	m.t.Helper()
	l, err := state.OpenRead(m.t.Context(), file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		m.t.Fatal(err)
	}
	defer l.Close()
	folders, err := l.Folders(m.t.Context(), 1)
	if err != nil {
		m.t.Fatal(err)
	}
	counts := map[string]int{}
	for _, f := range folders {
		var uids []mail.UID
		for uid := range f.Listed {
			uids = append(uids, uid)
		}
		rows, err := l.Rows(m.t.Context(), f.ID, uids)
		if err != nil {
			m.t.Fatal(err)
		}
		for _, row := range rows {
			if row.Attempt > 0 {
				counts[f.Path]++
			}
		}
	}
	return counts
}
