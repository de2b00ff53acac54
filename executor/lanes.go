package executor

import (
	"context"
	"slices"
	"sync"
	"time"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// common is what the lanes of one mailbox share.
type common struct {
	// mu guards targets, doubtful, slowest and throttled; the counts are guarded by runner.mu as all counts are.
	mu sync.Mutex
	// targets are the destination's folders by normalised path.
	targets map[string]mail.Folder
	// listed are the destination's folders as they were before anything was made there.
	listed []mail.Folder
	// doubtful are the folders whose doubts wait for their second scan.
	doubtful []*folderRun
	// slowest is the longest time between an APPEND and its answer so far.
	slowest time.Duration
	// throttled tells that the destination has asked to wait: connections that it broke it may have broken for that.
	throttled bool
	// folders are the ledger's folder pairs of this mailbox, earlier UIDVALIDITYs included.
	folders []*state.Folder

	copied, adopted, failed, leftOut state.Count
	flagsChanged, amended            int64
	// refusedFolder is why the first folder that a server refused could not be copied; nil: none was.
	refusedFolder error
}

func (c *common) targetOf(path string) (f mail.Folder, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, known = c.targets[path]
	return f, known
}

// setTarget notes a destination folder that is there now.
func (c *common) setTarget(path string, f mail.Folder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.targets[path] = f
}

func (c *common) forgetTarget(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.targets, path)
}

// doubt keeps a folder for settleLater.
func (c *common) doubt(fr *folderRun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubtful = append(c.doubtful, fr)
}

// throttle notes that the destination has asked to wait.
func (c *common) throttle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.throttled = true
}

func (c *common) wasThrottled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.throttled
}

// took notes how long an APPEND took, and gives the longest time so far.
func (c *common) took(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slowest = max(c.slowest, d)
	return c.slowest
}

// lanes copies folders side by side, each lane with a connection of its own to either side: between folders a connection
// waits for answers, and a server that serves each connection slowly serves several faster. Folders are taken in order.
type lanes struct {
	*mailboxRun
	mu     sync.Mutex
	queue  []*plan.Folder
	ended  bool // a lane failed: no folder is begun any more
	failed error
}

// worthLane is how many folders with work, or how many octets, make a further connection worth its sign-in.
const (
	worthFolders = 4
	worthOctets  = 16 << 20
)

// sideBySide copies folders that have nothing to do with each other.
func (m *mailboxRun) sideBySide(ctx context.Context, folders []*plan.Folder) error {
	l := &lanes{mailboxRun: m, queue: folders}
	var octets mail.Size
	for _, f := range folders {
		octets += f.Todo.Bytes
	}
	m.createRoles(ctx, folders)
	var further sync.WaitGroup
	opening, enough := context.WithCancel(ctx)
	defer enough()
	if len(folders) > 1 && (len(folders) >= worthFolders || octets >= worthOctets) {
		further.Go(func() { l.open(ctx, opening, &further) })
	}
	l.work(ctx, m, true)
	enough() // nobody waits for a sign-in that is of no use any more
	further.Wait()
	for l.failed == nil && len(l.queue) > 0 { // left by a further connection that broke
		l.work(ctx, m, true)
	}
	for _, fr := range m.doubtful {
		fr.mailboxRun = m // the lane it was copied on is gone
	}
	return l.failed
}

// createRoles makes the folders that are for something before the others, while there is one lane: a folder beneath one
// that is made at the same time would make it first, and without its use (RFC 6154). A refusal is met again with the
// folder itself.
func (m *mailboxRun) createRoles(ctx context.Context, folders []*plan.Folder) {
	for _, f := range folders {
		if _, known := m.targetOf(f.Target); !known && f.Role != mail.RoleNone {
			_, _ = (&folderRun{mailboxRun: m, plan: f}).target(ctx)
		}
	}
}

// open brings further lanes to work as long as there are folders and connections for them.
func (l *lanes) open(ctx, opening context.Context, further *sync.WaitGroup) {
	for l.waiting() && !l.stopping() {
		lane := l.lane(opening)
		if lane == nil {
			return
		}
		further.Go(func() { l.work(ctx, lane, false) })
	}
}

func (l *lanes) waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.ended && len(l.queue) > 0
}

// lane gives a run of the mailbox on a further connection to each side; nil if none is to be had. Once broken it is not
// opened again.
func (m *mailboxRun) lane(ctx context.Context) *mailboxRun {
	src, dst, ok := m.Parked.Further(ctx, m.mailbox.Name)
	if !ok {
		return nil
	}
	from, sourceErr := m.pacedSource(ctx, src)
	to, destinationErr := m.paced(ctx, dst)
	switch {
	case sourceErr != nil && destinationErr != nil:
		return nil
	case sourceErr != nil:
		_ = to.Close() // nothing was sent
		return nil
	case destinationErr != nil:
		_ = from.Close() // nothing was asked
		return nil
	}
	l := *m
	l.further = true
	l.src = retryingSource{reader[Source]{once(m, from, SideSource)}}
	l.dst = retryingDestination{reader[Destination]{once(m, to, SideDestination)}}
	return &l
}

// once is the life of one session, without another after it.
func once[T Reader](m *mailboxRun, first T, side string) *session[T] {
	p := m.Patience
	p.Tries = 1
	s := newSession(p, m.Stop, func(context.Context) (none T, err error) {
		return none, &mail.Error{Op: "use a further connection", Kind: mail.Transient, Code: mail.CodeIMAPLost}
	}, m.waiting(side))
	s.current, s.live = first, true
	return s
}

// work copies folder after folder. What time may mend is not waited for on a further connection: its folder is left to
// the main one.
func (l *lanes) work(ctx context.Context, lane *mailboxRun, main bool) {
	if !main {
		defer closeBoth(lane.src, lane.dst)
	}
	for f := l.next(); f != nil; f = l.next() {
		if l.stopping() {
			l.end(errStopped)
			return
		}
		err := lane.tolerate(lane.folder(ctx, f))
		if err != nil && !main && !fatal(ctx, err) && passing(mail.KindOf(err)) {
			l.putBack(f)
			return
		}
		if err != nil {
			l.end(err)
			return
		}
	}
}

func (l *lanes) next() *plan.Folder {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || len(l.queue) == 0 {
		return nil
	}
	f := l.queue[0]
	l.queue = l.queue[1:]
	return f
}

func (l *lanes) putBack(f *plan.Folder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, f)
}

// end keeps the first error. The other lanes finish the folder in hand.
func (l *lanes) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.failed == nil {
		l.failed = err
	}
}

// split parts the folders with work into those that are copied one after the other and those that can be copied side by
// side: nothing of the latter is in doubt, earlier UIDVALIDITYs and other folders have no part in them.
func (m *mailboxRun) split(ctx context.Context) (ordered, apart []*plan.Folder, err error) {
	targets := map[string]int{}
	for i := range m.mailbox.Folders {
		if f := &m.mailbox.Folders[i]; !f.Excluded {
			targets[f.Target]++
		}
	}
	for i := range m.mailbox.Folders {
		f := &m.mailbox.Folders[i]
		if f.Excluded {
			continue
		}
		alone := targets[f.Target] == 1
		if alone {
			if alone, err = m.standsAlone(ctx, f); err != nil {
				return nil, nil, err
			}
		}
		if alone {
			apart = append(apart, f)
		} else {
			ordered = append(ordered, f)
		}
	}
	return ordered, apart, nil
}

// standsAlone tells whether nothing but the folder's own pair and its own destination has a part in it.
func (m *mailboxRun) standsAlone(ctx context.Context, f *plan.Folder) (bool, error) {
	rec := m.current(string(f.Source), f.UIDValidity)
	if f.NoSelect || rec == nil {
		return false, nil
	}
	target, known := m.targetOf(f.Target)
	if rec.Destination != "" && (!known || rec.Destination != target.Raw || rec.DestinationValidity != target.Status.UIDValidity) {
		return false, nil
	}
	related := slices.ContainsFunc(m.folders, func(o *state.Folder) bool {
		return o.ID != rec.ID && (o.Source == rec.Source || known && o.Destination == target.Raw)
	})
	if related {
		return false, nil
	}
	c, err := m.Ledger.Count(ctx, rec.ID, state.Selection{}, 0)
	return c.Doubt.Messages == 0 && err == nil, err
}
