package config

// layer is what one place of the configuration says about folders and messages; nil means that it says nothing there.
// Places are laid over each other attribute by attribute: top level, users block, mailbox block.
type layer struct {
	special, merge, under *string
	include, exclude      *[]Rule
	rename, mapping       *[]Rule
	empty                 *bool
	maxSize               *int64
	tooLarge, keywords    *string
	existing, receipts    *string
	repair                *bool
}

// builtin are the defaults, which are the recommended values.
func builtin() layer {
	return layer{special: ptr(SpecialAuto), merge: ptr(MergeReport), under: ptr(""), include: &[]Rule{}, exclude: &[]Rule{},
		rename: &[]Rule{}, mapping: &[]Rule{}, empty: ptr(true), maxSize: ptr[int64](150_000_000), tooLarge: ptr(TooLargeReport),
		keywords: ptr(KeywordsDrop), existing: ptr(ExistingAdopt), receipts: ptr(ReceiptsAuto),
		repair: ptr(false)}
}

func ptr[T any](v T) *T { return &v }

// over lays one layer over another.
func (y layer) over(under layer) layer {
	out := under
	lay(&out.special, y.special)
	lay(&out.merge, y.merge)
	lay(&out.under, y.under)
	lay(&out.include, y.include)
	lay(&out.exclude, y.exclude)
	lay(&out.rename, y.rename)
	lay(&out.mapping, y.mapping)
	lay(&out.empty, y.empty)
	lay(&out.maxSize, y.maxSize)
	lay(&out.tooLarge, y.tooLarge)
	lay(&out.keywords, y.keywords)
	lay(&out.existing, y.existing)
	lay(&out.receipts, y.receipts)
	lay(&out.repair, y.repair)
	return out
}

func lay[T any](to **T, v *T) {
	if v != nil {
		*to = v
	}
}

// folders gives the finished rules.
func (y layer) folders() *Folders {
	f := &Folders{Special: *y.special, Include: *y.include, Exclude: *y.exclude, Under: *y.under, Empty: *y.empty, Merge: *y.merge}
	f.Rename = append(append(f.Rename, *y.rename...), *y.mapping...)
	return f
}

// messages gives the finished settings for a destination.
func (y layer) messages(to *Endpoint) Messages {
	m := Messages{MaxSize: *y.maxSize, TooLarge: *y.tooLarge, Keywords: *y.keywords, Existing: *y.existing, Receipts: *y.receipts,
		Repair: *y.repair}
	if to != nil && to.MaxMessage > 0 {
		m.MaxSize = min(m.MaxSize, to.MaxMessage)
	}
	return m
}

// layers reads the folders and messages blocks of the top level over the defaults.
func (l *loader) layers() layer { return l.layer(l.root).over(builtin()) }

// layer reads the folders and messages blocks inside a block.
func (l *loader) layer(n *node) layer {
	var y layer
	if f := n.child(foldersSpec.name); f != nil {
		l.folderLayer(&y, f)
	}
	if m := n.child(messagesSpec.name); m != nil {
		l.messageLayer(&y, m)
	}
	return y
}

func (l *loader) folderLayer(y *layer, n *node) {
	y.special = written[string](n, "special")
	y.merge = written[string](n, "merge")
	y.empty = written[bool](n, "empty")
	y.under = written[string](n, "under")
	if y.under != nil {
		l.checkUnder(n, *y.under)
	}
	y.include = l.patterns(n, "include")
	y.exclude = l.patterns(n, "exclude")
	y.mapping = l.mappings(n)
	for _, r := range n.blocks {
		if rule, ok := l.rename(r); ok {
			if y.rename == nil {
				y.rename = &[]Rule{}
			}
			*y.rename = append(*y.rename, rule)
		}
	}
}

func (l *loader) messageLayer(y *layer, n *node) {
	y.maxSize = written[int64](n, "max_size")
	y.tooLarge = written[string](n, "too_large")
	y.keywords = written[string](n, "keywords")
	y.existing = written[string](n, "existing")
	y.receipts = written[string](n, "receipts")
	y.repair = written[bool](n, "repair")
}

func written[T any](n *node, name string) *T {
	if v, ok := get[T](n, name); ok {
		return &v
	}
	return nil
}
