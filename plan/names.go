package plan

import (
	"strings"
	"sync"

	"mailhaul/state/mail"
)

// known are the names that mail programs and servers give to special folders, the most usual first: Outlook, Exchange,
// Apple Mail, Thunderbird, Gmail, Dovecot, Courier, Horde and Roundcube in their languages. Names that people use for
// other things as well ("Old", "Backup") are left out: a wrong guess moves mail where nobody looks for it. Those of Exchange
// Online are general knowledge: nobody has compared them with a tenant.
func known(role mail.Role) string {
	switch role {
	case mail.RoleSent:
		return `Sent|Sent Items|Sent Messages|Sent Mail|Sent-Mail|Sent Objects|Gesendet|Gesendete Elemente|Gesendete Objekte|
			Gesendete Nachrichten|Envoyés|Éléments envoyés|Messages envoyés|Courrier envoyé|Objets envoyés|Enviados|
			Elementos enviados|Mensajes enviados|Correo enviado|Itens enviados|Mensagens enviadas|Correio enviado|E-mails enviados|
			Posta inviata|Inviati|Messaggi inviati|Inviata|Verzonden|Verzonden items|Verzonden berichten|Verstuurd|Skickat|Skickade|
			Skickade objekt|Skickade meddelanden|Sendt|Sendte elementer|Sendt post|Sendte e-mails|Sendte meldinger|
			Lähetetyt|Lähetetyt viestit|Sent hlutir|Wysłane|Elementy wysłane|Wysłane wiadomości|Odeslané|Odeslaná pošta|
			Odeslané položky|Odeslané zprávy|Odoslané|Odoslaná pošta|Odoslané položky|Elküldött|Elküldött elemek|Elküldött üzenetek|
			Trimise|Elemente trimise|Mesaje trimise|Изпратени|Изпратени елементи|Отправленные|Отправленные письма|Исходящие сообщения|
			Надіслані|Надіслані елементи|Відправлені|Απεσταλμένα|Σταλμένα|Gönderilmiş Öğeler|Gönderilmiş Postalar|
			Gönderilenler|Saadetud|Saadetud üksused|Saadetud kirjad|Nosūtītie|Nosūtītie vienumi|Nosūtītās vēstules|Išsiųsti|
			Išsiųstieji|Išsiųsti elementai|Poslano|Poslani elementi|Poslana pošta|Poslane stavke|Poslato|Послато|Послате ставке|
			Enviats|Elements enviats|Bidalitakoak|Bidalitako elementuak|פריטים שנשלחו|דואר שנשלח|
			العناصر المرسلة|البريد المرسل|المرسلة|ارسال شده|送信済み|送信済みアイテム|送信済みメール|送信済みトレイ|已发送|已发送邮件|已发送的邮件|
			已发邮件|寄件備份|已傳送的郵件|寄件備份匣|보낸 편지함|보낸편지함|보낸 메일함|보낸메일함|Đã gửi|Mục đã Gửi|Thư đã gửi|รายการที่ถูกส่ง|จดหมายที่ส่งแล้ว|
			ส่งแล้ว|Item Terkirim|Terkirim|Pesan Terkirim|Item Dihantar|भेजे गए आइटम|भेजा गया`
	case mail.RoleDrafts:
		return `Drafts|Draft|Draft Messages|Entwürfe|Entwurf|Brouillons|Brouillon|Borradores|Borrador|Rascunhos|Rascunho|Bozze|Bozza|
			Concepten|Concept|Klad|Utkast|Kladder|Kladde|Luonnokset|Luonnos|Drög|Wersje robocze|Szkice|Kopie robocze|Koncepty|
			Rozepsané|Rozpísané|Piszkozatok|Piszkozat|Vázlatok|Schițe|Schiţe|Ciorne|Чернови|Черновики|Чернетки|Чарнавікі|Πρόχειρα|
			Taslaklar|Mustandid|Melnraksti|Juodraščiai|Osnutki|Skice|Nacrti|Нацрти|Esborranys|Zirriborroak|טיוטות|مسودات|المسودات|
			下書き|草稿|草稿箱|草稿匣|임시 보관함|임시보관함|임시 편지함|Thư nháp|Bản nháp|Bản thảo|แบบร่าง|ร่างจดหมาย|จดหมายร่าง|Draf|
			Konsep|ड्राफ़्ट`
	case mail.RoleTrash:
		return `Trash|Deleted Items|Deleted Messages|Deleted|Bin|Papierkorb|Gelöschte Elemente|Gelöschte Objekte|Gelöscht|
			Gelöschte Nachrichten|Corbeille|Éléments supprimés|Messages supprimés|Papelera|Elementos eliminados|Papelera de reciclaje|
			Mensajes eliminados|Lixeira|Itens excluídos|Itens Eliminados|Mensagens excluídas|Cestino|Posta eliminata|Eliminati|
			Elementi eliminati|Messaggi eliminati|Prullenbak|Prullenmand|Verwijderde items|Verwijderde berichten|Papperskorgen|
			Papperskorg|Borttaget|Borttagna objekt|Raderade objekt|Papirkurv|Papirkurven|Slettet post|Slettede elementer|Slettede e-mails|
			Slettede meldinger|Roskakori|Poistetut|Poistetut viestit|Eyddir hlutir|Ruslakarfa|Kosz|Elementy usunięte|Usunięte|
			Koš|Odstraněná pošta|Odstraněné položky|Kôš|Odstránená pošta|Odstránené položky|Odstránené|Kuka|Lomtár|Törölt elemek|
			Törölt üzenetek|Coș de gunoi|Coş de gunoi|Elemente șterse|Elemente şterse|Кошче|Изтрити елементи|Изтрити|Корзина|Удаленные|
			Удалённые|Удаленные элементы|Кошик|Видалені|Видалені елементи|Сметніца|Κάδος απορριμμάτων|Κάδος|Διαγραμμένα|
			Διαγραμμένα στοιχεία|Çöp Kutusu|Çöp|Silinmiş Öğeler|Silinenler|Prügikast|Kustutatud üksused|Kustutatud|Atkritne|Miskaste|
			Dzēstie vienumi|Izdzēstie|Šiukšlinė|Šiukšliadėžė|Ištrinti|Panaikinti elementai|Koš za smeti|Smetnjak|Izbrisano|
			Izbrisani elementi|Smeće|Kanta za smeće|Izbrisane stavke|Отпад|Избрисане ставке|Paperera|Elements suprimits|Zakarrontzia|
			פריטים שנמחקו|אשפה|המחוקים|العناصر المحذوفة|المهملات|سلة المهملات|ゴミ箱|ごみ箱|削除済みアイテム|削除済み|已删除|已删除邮件|
			已删除的邮件|垃圾桶|废件箱|刪除的郵件|已刪除的郵件|휴지통|지운 편지함|지운편지함|삭제된 항목|Thùng rác|Mục đã xoá|Mục đã Xóa|Thư đã xóa|
			รายการที่ถูกลบ|ถังขยะ|Item Terhapus|Item Dipadam|हटाए गए आइटम|ट्रैश`
	case mail.RoleJunk:
		return `Junk|Spam|Junk E-mail|Junk Email|Junk Mail|Bulk Mail|Bulk|Spamverdacht|Junk-E-Mail|Unerwünscht|Unerwünschte Werbung|
			Courrier indésirable|Indésirables|Pourriel|Correo no deseado|Correo basura|No deseado|Lixo Eletrônico|Lixo eletrónico|
			Correio não solicitado|E-mail de lixo|Posta indesiderata|Indesiderata|Ongewenste e-mail|Ongewenste reclame|Ongewenst|
			Skräppost|Skräp|Uønsket e-mail|Uønsket mail|Uønsket post|Uønsket e-post|Søppelpost|Useløs e-post|Roskaposti|Ruslpóstur|
			Wiadomości-śmieci|Wiadomości śmieci|Niechciane|Nevyžádaná pošta|Nevyžádané|Nevyžiadaná pošta|Nevyžiadané|Levélszemét|
			Kéretlen levelek|E-mail nedorit|Mesaje nedorite|Нежелана поща|Спам|Нежелательная почта|Небажана пошта|
			Ανεπιθύμητη αλληλογραφία|Ανεπιθύμητα|Önemsiz|Önemsiz E-posta|Gereksiz|İstenmeyen|İstenmeyen Postalar|Rämpspost|
			Mēstules|Surogātpasts|Nevēlams e-pasts|Nepageidaujamas el. paštas|Šlamštas|Brukalas|Neželena pošta|Vsiljena pošta|
			Neželjena pošta|Bezvrijedna pošta|Нежељена пошта|Correu brossa|Zabor-posta|דואר זבל|ספאם|البريد غير الهام|بريد غير مرغوب فيه|
			البريد العشوائي|هرزنامه|迷惑メール|スパム|垃圾邮件|垃圾郵件|广告邮件|정크 메일|정크메일|스팸|스팸 편지함|스팸메일함|스팸함|Thư rác|Email Rác|
			อีเมลขยะ|จดหมายขยะ|Email Sampah|E-mel Remeh|जंक ईमेल|स्पैम`
	case mail.RoleArchive:
		return `Archive|Archives|Archiv|Archivieren|Archivé|Archivo|Archivar|Arquivo|Arquivo Morto|Arquivar|Arquivados|Archivio|Archief|
			Archiveren|Arkiv|Arkisto|Safn|Archiwum|Archív|Archívum|Arhivă|Arhiva|Архив|Архів|Архіў|Αρχείο|Αρχειοθήκη|Arşiv|Arhiiv|
			Arhīvs|Archyvas|Arhiv|Архива|Arxiu|Artxiboa|ארכיון|أرشيف|الأرشيف|بایگانی|アーカイブ|存档|归档|封存|封存郵件|보관|보관함|보관 편지함|
			Lưu trữ|เก็บถาวร|Arsip|Arkib|संग्रह`
	}
	return ""
}

// place is a role with the name's place in the list of its role.
type place struct {
	role mail.Role
	rank int
}

// knownNames turns the lists into one table, folded. It is made once and never changed.
var knownNames = sync.OnceValue(func() map[string]place {
	table := map[string]place{}
	for _, role := range mappedRoles {
		for i, name := range strings.Split(known(role), "|") {
			key := fold(strings.TrimSpace(name))
			if _, taken := table[key]; !taken {
				table[key] = place{role, i}
			}
		}
	}
	return table
})

// guess tells the role that a folder's name suggests. Only a folder at the top, directly below INBOX or in Gmail's
// container counts: Projects/Archive is somebody's own.
func guess(p mail.Path) mail.Role {
	switch {
	case len(p) == 1:
	case len(p) == 2 && (p[0] == "INBOX" || p[0] == "[Gmail]" || p[0] == "[Google Mail]"):
	default:
		return mail.RoleNone
	}
	return knownNames()[fold(p[len(p)-1])].role
}

// rank is the place of the last level among the usual names of its role; names not in the table come last.
func rank(p mail.Path) int {
	if n, ok := knownNames()[fold(p[len(p)-1])]; ok {
		return n.rank
	}
	return len(known(mail.RoleSent))
}
