/** Passwords that everybody tries first, in lower case; also refused with digits or marks appended. */
const words = `
123456 1234567 12345678 123456789 1234567890 12345678910 0123456789 0987654321 9876543210 1122334455
11223344 112233445566 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 123qweasd 123qweasdzxc q1w2e3r4t5
q1w2e3r4t5y6 qwer1234 qwert12345 qwerty qwerty123 qwerty1234 qwerty12345 qwertyui qwertyuiop qwertyuiop123
qwertyuiopasdfghjkl asdfghjkl asdfghjkl123 asdfasdf asdf1234 zxcvbnm zxcvbnm123 zaq12wsx zaq1zaq1 qazwsxedc
qazwsxedcrfv 1234qwer 1234qwerasdf abc123 abcd1234 abcdef123456 abcdefgh abcdefghij abcdefghijkl aaaaaaaaaa a123456789
a1b2c3d4 a1b2c3d4e5 password password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword pa$$word
pa55word passwort passwort123 motdepasse contrasena contraseña parola senha123 wachtwoord haslo123 salasana
losenord wordpass mypassword mypassword1 thepassword newpassword newpassword1 oldpassword yourpassword yourpassword1 nopassword
secretpassword changeme changeme1 changeme123 changemenow changethis letmein letmein1 letmein123 letmeinnow openthedoor
opensesame opensesame1 welcome welcome1 welcome12 welcome123 welcome1234 welcomehome welcomeback willkommen bienvenue
admin admin123 admin1234 admin12345 administrator administrator1 adminadmin adminpassword root12345 rootroot
rootpassword toor1234 superuser superuser1 sysadmin sysadmin1 sysadmin123 guestguest guest12345 testtest
testtest1 testing123 testpassword testuser123 default123 defaultpassword temp12345 temppassword temporary temporary1
temporary123 access14 access123 accessgranted secret123 secret1234 supersecret topsecret123 itsasecret verysecret
iloveyou iloveyou1 iloveyou2 iloveyou123 iloveyousomuch ilovemyself ilovegod iloveu123 loveyou123 lovelove
lovelovelove jesuschrist jesusislord godisgood godisgreat blessed123 princess princess1 princess123 sunshine
sunshine1 sunshine123 football football1 football123 baseball baseball1 baseball123 basketball basketball1
liverpool liverpool1 liverpoolfc chelseafc manchester manutd123 arsenal123 barcelona barcelona1 realmadrid
superman superman1 superman123 batman123 spiderman spiderman1 starwars starwars1 pokemon123 charizard
pikachu123 minecraft minecraft1 minecraft123 fortnite123 counterstrike worldofwarcraft finalfantasy dragonball dragon123
dragon1234 monkey123 monkey1234 michael123 jennifer1 jordan1234 michelle1 alexander1 christopher elizabeth1
charlotte1 anthony123 summer2023 summer2024 summer2025 summer2026 winter2023 winter2024 winter2025 winter2026
spring2024 spring2025 spring2026 autumn2024 autumn2025 autumn2026 january2025 january2026 trustno1 trustnoone
whatever1 whatever123 computer1 computer123 internet1 internet123 samsung123 google1234 facebook1 facebook123
microsoft1 windows123 iamtheboss masterkey master1234 mustang123 harley1234 ferrari123 freedom123 forever123
blink182blink thisismypassword thisisapassword correcthorse correcthorsebatterystaple batterystaple justletmein donttouch123
`;

/** About three hundred. The list is small on purpose: throttling stops the rest. */
export const commonPasswords: ReadonlySet<string> = new Set(words.trim().split(/\s+/));
