"""Lists of words for the tiny GPT: names of chemical elements, of stars and of countries."""

from __future__ import annotations

WORDS = {
    "elements": """
        actinium aluminium americium antimony argon arsenic astatine barium berkelium beryllium bismuth bohrium
        boron bromine cadmium caesium calcium californium carbon cerium chlorine chromium cobalt copernicium copper
        curium darmstadtium dubnium dysprosium einsteinium erbium europium fermium flerovium fluorine francium
        gadolinium gallium germanium gold hafnium hassium helium holmium hydrogen indium iodine iridium iron krypton
        lanthanum lawrencium lead lithium livermorium lutetium magnesium manganese meitnerium mendelevium mercury
        molybdenum moscovium neodymium neon neptunium nickel nihonium niobium nitrogen nobelium oganesson osmium
        oxygen palladium phosphorus platinum plutonium polonium potassium praseodymium promethium protactinium
        radium radon rhenium rhodium roentgenium rubidium ruthenium rutherfordium samarium scandium seaborgium
        selenium silicon silver sodium strontium sulfur tantalum technetium tellurium tennessine terbium thallium
        thorium thulium tin titanium tungsten uranium vanadium xenon ytterbium yttrium zinc zirconium""",
    "stars": """
        achernar acrux adhara albireo alcor aldebaran alderamin algieba algol alhena alioth alkaid almach alnair
        alnilam alnitak alphard alphecca alpheratz altair ankaa antares arcturus arneb atria avior bellatrix
        betelgeuse canopus capella caph castor deneb denebola diphda dubhe electra elnath eltanin enif fomalhaut
        gacrux hadar hamal izar kochab maia markab megrez menkalinan menkar menkent merak merope mimosa mintaka mira
        mirach mirfak mirzam mizar naos nunki peacock phecda polaris pollux porrima procyon rasalhague regulus rigel
        sabik sadr saiph scheat shaula sheratan sirius spica suhail tarazed thuban unukalhai vega wezen zaurak
        zubenelgenubi""",
    "countries": """
        albania algeria andorra angola argentina armenia australia austria azerbaijan bahrain bangladesh barbados
        belarus belgium belize benin bhutan bolivia botswana brazil brunei bulgaria burundi cambodia cameroon canada
        chad chile china colombia croatia cuba cyprus denmark djibouti dominica ecuador egypt eritrea estonia
        eswatini ethiopia fiji finland france gabon gambia georgia germany ghana greece grenada guatemala guinea
        guyana haiti honduras hungary iceland india indonesia iran iraq ireland israel italy jamaica japan jordan
        kazakhstan kenya kiribati kuwait kyrgyzstan laos latvia lebanon lesotho liberia libya liechtenstein
        lithuania luxembourg madagascar malawi malaysia maldives mali malta mauritania mauritius mexico micronesia
        moldova monaco mongolia montenegro morocco mozambique myanmar namibia nauru nepal netherlands nicaragua
        niger nigeria norway oman pakistan palau panama paraguay peru philippines poland portugal qatar romania
        russia rwanda samoa senegal serbia seychelles singapore slovakia slovenia somalia spain sudan suriname
        sweden switzerland syria tajikistan tanzania thailand togo tonga tunisia turkey turkmenistan tuvalu uganda
        ukraine uruguay uzbekistan vanuatu venezuela vietnam yemen zambia zimbabwe""",
}
"""Each list as text, its words separated by spaces."""
